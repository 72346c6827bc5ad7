"""The process that keeps one shard: `python -m apps.projections work SPEC VIEW`, started by the service.

It ends with its service: standard input is a pipe whose other end only the service holds. Reports go to
standard output, logs to standard error.
"""

import os
import signal
import sys
import threading

from apps.projections.generations.controller import GenerationController
from apps.projections.reports import Reporter
from apps.projections.shard import Shard


def keep(shard: Shard) -> None:
    """Keeps the generations of `shard` until SIGTERM, and reports on standard output how that goes."""
    reporter = Reporter(sys.stdout.fileno(), shard)
    controller = GenerationController(shard, reporter)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: controller.stop())
    threading.Thread(target=_end_with_service, daemon=True).start()
    try:
        controller.run()
    finally:
        reporter.close()


def _end_with_service() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    # At once: whoever comes next applies what is not committed.
    os._exit(1)
