"""The process of one worker: `python -m apps.projections work SPEC VIEW`, started by the service.

It ends with its service: standard input is a pipe whose other end only that holds. Standard output carries
reports, standard error logs.
"""

import os
import signal
import sys
import threading

from apps.projections.fold import Folder
from apps.projections.reports import Reporter
from apps.projections.spec import Manifest, ServiceSpec
from apps.projections.worker import Worker


def work(spec: ServiceSpec, manifest: Manifest, view: str) -> None:
    """Fold until SIGTERM. Raises StreamChangedError, after which the views cannot be continued."""
    (projection,) = (each for each in manifest.projections if each.view == view)
    reporter = Reporter(sys.stdout.fileno())
    sandbox = projection.sandbox
    folder = Folder(view, projection.admission, sandbox)
    worker = Worker(spec.shard(projection), lambda: spec.nats.login, folder, reporter)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    threading.Thread(target=_end_with_service, daemon=True).start()
    try:
        worker.run()
    finally:
        reporter.close()
        sandbox.close()


def _end_with_service() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    # At once: what is not committed is folded by whoever comes next.
    os._exit(1)
