"""The service: a process for each worker, and one HTTP server over their stores."""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import uvicorn

from apps.projections.api import Api, create_app
from apps.projections.errors import StoreError, StoreGoneError
from apps.projections.generations import GenerationError, Generations
from apps.projections.http_server import server_config
from apps.projections.keys import CheckpointKey
from apps.projections.metrics import Shards, exposition
from apps.projections.probes import Probes
from apps.projections.query_limiter import QueryLimiter
from apps.projections.reports import Report
from apps.projections.shard_process import ShardProcess
from apps.projections.spec import Manifest, Projection, ServiceSpec
from apps.projections.store import Store

_log = logging.getLogger("apps.projections.service")
_POLL = 0.1


@contextlib.contextmanager
def reader(spec: ServiceSpec, projection: Projection) -> Iterator[Store]:
    """The store that queries of `projection` are answered from. Raises StoreError when there is none."""
    store = _open(spec.generations(projection), CheckpointKey(projection.shard, projection.view))
    try:
        yield store
    finally:
        store.close()


def _open(generations: Generations, key: CheckpointKey) -> Store:
    while True:
        try:
            active = generations.active
        except GenerationError as error:
            raise StoreError(str(error)) from error
        if active is None:
            raise StoreError(f"{key.view_type} has no views yet")
        try:
            return Store(generations.path(active), key, read_only=True)
        except StoreGoneError:
            # Another one answered, and this one was retired, since it was looked up.
            if generations.active == active:
                raise


class Service:
    """What the probes and /metrics are answered from."""

    def __init__(self, spec: ServiceSpec, manifest: Manifest, children: list[ShardProcess]) -> None:
        self._spec = spec
        self._manifest = manifest
        self._children = children
        self.draining = False

    def unhealthy(self) -> str:
        for child in self._children:
            if child.report.stalled:
                return f"the worker of {child.view} folds nothing: {child.report.wrong}"
        return self.dead()

    def dead(self) -> str:
        for child in self._children:
            if child.ended.is_set():
                return f"the worker of {child.view} has ended"
        return ""

    def unready(self) -> str:
        """A stalled worker's views are still to be read: what is wrong with it, `unhealthy` says."""
        if self.draining:
            return "draining"
        if wrong := self.dead():
            return wrong
        for child, projection in zip(self._children, self._manifest.projections, strict=True):
            if not (child.report.connected or child.report.stalled):
                return f"the worker of {child.view} does not fold: {child.report.wrong or 'it is starting'}"
            try:
                with reader(self._spec, projection) as store:
                    checkpoint = store.checkpoint()
            except StoreError as error:
                return str(error)
            if self._spec.generations(projection).filling is not None:
                reached = 0 if checkpoint is None else checkpoint.sequence
                return f"{child.view} is being filled: it holds the stream up to sequence {reached}"
        return ""

    def shards(self) -> Shards:
        return {
            (projection.view, projection.shard): self._stored(child.report, projection)
            for child, projection in zip(self._children, self._manifest.projections, strict=True)
        }

    def _stored(self, report: Report, projection: Projection) -> Report:
        """The report with how far the views are as the store says it, and `status` with it: a worker that has
        yet to connect does not know."""
        try:
            with reader(self._spec, projection) as store:
                checkpoint = store.checkpoint()
        except StoreError:
            return report  # What is wrong with it, /ready says.
        if checkpoint is None:
            return report
        return msgspec.structs.replace(report, sequence=checkpoint.sequence, held=checkpoint.quarantined)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The service handles signals: the server must answer while it drains."""
        yield


def serve(path: Path, spec: ServiceSpec, manifest: Manifest) -> int:
    """Until SIGTERM or the end of a worker: its exit code, 0 after SIGTERM."""
    return asyncio.run(_serve(path, spec, manifest))


async def _serve(path: Path, spec: ServiceSpec, manifest: Manifest) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    children = [ShardProcess(path, projection.view) for projection in manifest.projections]
    service = Service(spec, manifest, children)
    api = Api(
        stores={projection.view: partial(reader, spec, projection) for projection in manifest.projections},
        key=spec.key.get_secret_value(),
        results=spec.queries.results,
        conditions=spec.queries.conditions,
        bounds=spec.queries.bounds,
        limiter=QueryLimiter(spec.queries.concurrency),
    )
    probes = Probes(service, exposition(service.shards))
    config = server_config(
        create_app(api, probes, frozenset(spec.listen.names), spec.queries.sending),
        spec.listen.host,
        spec.listen.port,
        spec.listen.connections,
        timeout_graceful_shutdown=5,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        while not (stop.is_set() or serving.done() or any(child.ended.is_set() for child in children)):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _POLL)
        code = 0 if stop.is_set() else 1
        for child in children:
            if child.ended.is_set() and not stop.is_set():
                code = child.code or 1
                _log.error("the worker of %s ended with %d", child.view, child.code)
        _log.info("draining")
        service.draining = True
        await asyncio.to_thread(_drain, children, spec.drain_seconds)
    finally:
        server.should_exit = True
        with contextlib.suppress(SystemExit):
            await serving
    return code


def _drain(children: list[ShardProcess], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    for child in children:
        child.stop()
    for child in children:
        if not child.end(max(deadline - time.monotonic(), 0)):
            _log.warning("the worker of %s was ended within its batch, which is not acknowledged", child.view)
