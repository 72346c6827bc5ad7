"""The service: a process for each shard, and one HTTP server over their stores."""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import uvicorn

from apps.projections.api import Api, create_app
from apps.projections.errors import StoreError
from apps.projections.generations.states import State
from apps.projections.http_server import server_config
from apps.projections.metrics import Reports, exposition
from apps.projections.probes import Probes
from apps.projections.query_limiter import QueryLimiter
from apps.projections.reports import Report
from apps.projections.shard import Shard
from apps.projections.shard_process import ShardProcess
from apps.projections.spec import ServiceSpec

_log = logging.getLogger("apps.projections.service")
_POLL = 0.1


class ServiceHealth:
    """The state of a service, as its probes and /metrics tell it."""

    def __init__(self, shards: Sequence[Shard], processes: Sequence[ShardProcess]) -> None:
        self._shards = shards
        self._processes = processes
        self.draining = False
        """Set when the service begins to end."""

    def dead(self) -> str:
        """Returns which worker has ended; empty if none has."""
        for process in self._processes:
            if process.ended.is_set():
                return f"the worker of {process.view} has ended: see its log"
        return ""

    def unhealthy(self) -> str:
        """Returns which worker has ended or applies no events because its stream changed; empty if none."""
        for process in self._processes:
            if process.report.stalled:
                return f"the worker of {process.view} applies no events: {process.report.problem}"
        return self.dead()

    def unready(self) -> str:
        """Returns why not all views can be read as they should be; empty if they can.

        The views of a worker whose stream changed are ready: they are answered as they were.
        """
        if self.draining:
            return "draining"
        if problem := self.dead():
            return problem
        for shard, process in zip(self._shards, self._processes, strict=True):
            report = process.report
            if not (report.connected or report.stalled):
                return f"the worker of {shard.view} applies no events: {report.problem or 'it is starting'}"
            try:
                with shard.answering_store() as store:
                    checkpoint = store.checkpoint()
            except StoreError as error:
                return str(error)
            if shard.generations.in_state(State.SERVING_INCOMPLETE):
                reached = 0 if checkpoint is None else checkpoint.sequence
                return f"{shard.view} is being filled: it holds the stream up to sequence {reached}"
        return ""

    def reports(self) -> Reports:
        """Returns the newest report of each worker, for /metrics."""
        return {
            (shard.view, shard.projection.shard): _with_stored_progress(process.report, shard)
            for shard, process in zip(self._shards, self._processes, strict=True)
        }


def _with_stored_progress(report: Report, shard: Shard) -> Report:
    """The report with how far the store is, as `status` says it: a worker that is not connected does not
    know."""
    try:
        with shard.answering_store() as store:
            checkpoint = store.checkpoint()
    except StoreError:
        return report  # /ready says what is wrong with the store.
    if checkpoint is None:
        return report
    return msgspec.structs.replace(report, sequence=checkpoint.sequence, in_quarantine=checkpoint.quarantined)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The service handles signals: the server must answer while it drains."""
        yield


def serve(path: Path, spec: ServiceSpec, shards: Sequence[Shard]) -> int:
    """Runs a worker for each of `shards`, and answers queries, until SIGTERM or the end of a worker.

    `path` is the spec's file, which the workers read too. Returns the exit code: 0 after SIGTERM, else that
    of the worker that ended.
    """
    return asyncio.run(_serve(path, spec, shards))


async def _serve(path: Path, spec: ServiceSpec, shards: Sequence[Shard]) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    processes = [ShardProcess(path, shard.view) for shard in shards]
    health = ServiceHealth(shards, processes)
    server = _server(spec, shards, health)
    serving = asyncio.create_task(server.serve())
    try:
        while not (stop.is_set() or serving.done() or any(each.ended.is_set() for each in processes)):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _POLL)
        code = 0 if stop.is_set() else 1
        for process in processes:
            if process.ended.is_set() and not stop.is_set():
                code = process.exit_code or 1
                _log.error("the worker of %s ended with %d", process.view, process.exit_code)
        _log.info("draining")
        health.draining = True
        await asyncio.to_thread(_drain, processes, spec.drain_seconds)
    finally:
        server.should_exit = True
        with contextlib.suppress(SystemExit):
            await serving
    return code


def _server(spec: ServiceSpec, shards: Sequence[Shard], health: ServiceHealth) -> _Server:
    api = Api(
        stores={shard.view: shard.answering_store for shard in shards},
        key=spec.key.get_secret_value(),
        results=spec.queries.results,
        conditions=spec.queries.conditions,
        bounds=spec.queries.bounds,
        limiter=QueryLimiter(spec.queries.concurrency),
    )
    probes = Probes(health, exposition(health.reports))
    app = create_app(api, probes, frozenset(spec.listen.names), spec.queries.sending)
    listen = spec.listen
    return _Server(
        server_config(app, listen.host, listen.port, listen.connections, timeout_graceful_shutdown=5)
    )


def _drain(processes: Sequence[ShardProcess], seconds: float) -> None:
    """Ends the workers: each may finish its batch, all of them within `seconds`."""
    deadline = time.monotonic() + seconds
    for process in processes:
        process.stop()
    for process in processes:
        if not process.wait(max(deadline - time.monotonic(), 0)):
            _log.warning(
                "the worker of %s was killed within its batch, which is not acknowledged", process.view
            )
