"""`python -m apps.projections.backfill`: the worker of one generation, in a process of its own.

It reads what to do from stdin, works until it is asked to end or its generation is retired, and ends with who
started it: a rebuild at full speed then takes no time of the interpreter that keeps the live view.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from apps.projections.envelope import EventDecoder
from apps.projections.errors import ProjectionError, StoreGoneError
from apps.projections.field_selection import FieldSelection
from apps.projections.generations import Events, Generation
from apps.projections.jetstream import ConsumerConfig
from apps.projections.nats_connection import Login
from apps.projections.projector import Projector
from apps.projections.sandbox.process import Limits, Sandbox
from apps.projections.subscription import PullLimits
from apps.projections.worker import Shard, Worker

_log = logging.getLogger("apps.projections.backfill")
_NICENESS = 10
_SOURCE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Source:
    """The events of one shard of a view type. `tenant_token` is as in EventDecoder, `fields` as in
    FieldSelection: all of an event when there are none."""

    view_type: str
    shard: str
    stream: str
    subjects: Sequence[str]
    tenant_token: int | None = None
    fields: Sequence[str] = ()
    limits: Limits = field(default_factory=Limits)
    batch: int = 2000
    pulling: PullLimits = field(default_factory=PullLimits)

    @property
    def events(self) -> Events:
        return Events(
            self.stream, tuple(sorted(self.subjects)), self.tenant_token, tuple(sorted(self.fields))
        )

    def of(self, generation: Generation) -> "Source":
        """The source that a generation is made of, whatever is declared by now."""
        events = generation.events or self.events
        return replace(
            self,
            stream=events.stream,
            subjects=events.subjects,
            tenant_token=events.tenant_token,
            fields=events.fields,
        )

    def projector(self, program: Sandbox) -> Projector:
        selection = FieldSelection(self.fields) if self.fields else None
        return Projector(self.view_type, EventDecoder(self.tenant_token), program, selection)

    def consumer(self, generation: int) -> ConsumerConfig:
        name = f"{self.view_type}-{self.shard}-{generation}"
        return ConsumerConfig(self.stream, name, self.subjects, self.pulling.window)

    def work(self, path: Path, generation: int, start: int) -> Shard:
        return Shard(
            view_type=self.view_type,
            name=self.shard,
            path=path,
            consumer=self.consumer(generation),
            batch=self.batch,
            pulling=self.pulling,
            start=start,
        )


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a backfill does."""

    source: Source
    program: str
    path: str
    generation: int
    start: int
    servers: Sequence[str]
    user: str = ""
    password: str = ""


class Backfill:
    """The process."""

    def __init__(self, order: Order) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "apps.projections.backfill"],
            stdin=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(_SOURCE)},
        )
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(order) + b"\n")
        self._process.stdin.flush()

    @property
    def ended(self) -> int | None:
        """Its exit code, None while it runs."""
        return self._process.poll()

    def stop(self) -> None:
        """Let it commit what it has, and wait for its end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    order = msgspec.convert(json.loads(sys.stdin.readline()), Order)
    os.nice(_NICENESS)
    sandbox = Sandbox(order.program, order.source.limits)
    login = Login(order.servers, order.user, order.password)
    source = order.source
    worker = Worker(
        source.work(Path(order.path), order.generation, order.start),
        lambda: login,
        source.projector(sandbox),
    )
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())

    def outlive() -> None:
        sys.stdin.read()
        worker.stop()

    threading.Thread(target=outlive, daemon=True).start()
    try:
        sandbox.load()
        worker.run()
    except StoreGoneError:
        _log.info("generation %d of %s was retired", order.generation, source.view_type)
    except ProjectionError as error:
        print(f"backfill of {source.view_type}: {error}", file=sys.stderr)
        return error.exit_code
    finally:
        sandbox.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
