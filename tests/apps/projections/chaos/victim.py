"""`python -m tests.apps.projections.chaos.victim OPTIONS`: the real worker, in a process that may be killed.

The options (JSON) can slow its commits down and take its disk away. At half of the batch sizes its program is
handed rows of what it reads, at the others whole events: the views must not tell.
"""

import json
import logging
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

from apps.projections.nats_connection import Login
from apps.projections.records import Checkpoint
from apps.projections.sandbox.limits import Limits
from apps.projections.shard import Assignment, Shard
from apps.projections.spec import Projection
from apps.projections.store import Batch, Store
from apps.projections.worker import Worker
from tests.apps.projections import consuming
from tests.apps.projections.ledger import FIELDS, PROGRAM, VIEW

STREAM, SHARD, SUBJECTS = "BOOKS", "all", ["books.>"]


def shard(login: Login, directory: Path, *, batch: int = 200, **more: Any) -> Shard:
    projection = Projection(
        view=VIEW,
        shard=SHARD,
        stream=STREAM,
        subjects=tuple(SUBJECTS),
        tenant_token=1,
        fields=FIELDS if batch in (20, 1000) else (),
        program=PROGRAM,
        batch=batch,
        limits=Limits(memory=128),
    )
    return consuming.shard(login, directory, projection, map_size=1 << 28, **more)


def assignment(shard: Shard) -> Assignment:
    """The only generation, which is built from what the shard declares at the time, whole events or
    fields."""
    return shard.assignment(shard.generations.answering or shard.generations.begin(PROGRAM))


def main() -> None:
    options = json.loads(sys.argv[1])
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if slow := options.get("slow_commit"):
        commit = Store.commit

        def slowed(self: Store, base: Checkpoint | None, batch: Batch) -> None:
            time.sleep(slow)
            commit(self, base, batch)
            time.sleep(slow)

        Store.commit = slowed  # type: ignore[method-assign]  # the fault that this process is for
    more = {name: options[name] for name in ("batch", "ack_wait") if name in options}
    victim = shard(Login([options["url"]]), Path(options["path"]), **more)
    worker = Worker(assignment(victim))
    if options.get("full_disk"):
        size = sum(file.stat().st_size for file in victim.directory.glob("*/data.mdb"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    worker.run()


if __name__ == "__main__":
    main()
