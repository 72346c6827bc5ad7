"""The process that keeps one shard: `python -m apps.projections work SPEC VIEW`, started by the service.

It ends with its service: standard input is a pipe whose other end only that holds. Standard output carries
reports, standard error logs.
"""

import os
import signal
import sys
import threading

from apps.projections.errors import ProjectionError
from apps.projections.jetstream import JetStream
from apps.projections.keeper import Keeper
from apps.projections.nats_connection import NatsConnection
from apps.projections.reports import Reporter
from apps.projections.spec import Manifest, Projection, ServiceSpec


def work(spec: ServiceSpec, manifest: Manifest, view: str) -> None:
    """Fold until SIGTERM."""
    (projection,) = (each for each in manifest.projections if each.view == view)
    reporter = Reporter(sys.stdout.fileno(), lambda: _lag(spec, projection))
    root = spec.generations(projection).root
    keeper = Keeper(root, projection.source, projection.program, spec.nats.login, reporter)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: keeper.stop())
    threading.Thread(target=_end_with_service, daemon=True).start()
    try:
        keeper.run()
    finally:
        reporter.close()


def _lag(spec: ServiceSpec, projection: Projection) -> int | None:
    active = spec.generations(projection).active
    if active is None:
        return None
    try:
        connection = NatsConnection(spec.nats.login)
        try:
            return JetStream(connection).lag(projection.source.of(active).consumer(active.number))
        finally:
            connection.close()
    except ProjectionError:
        return None  # NATS is away, which the worker says, or the consumer is being reset.


def _end_with_service() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    # At once: what is not committed is folded by whoever comes next.
    os._exit(1)
