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

from apps.projections.envelope import EventDecoder
from apps.projections.field_selection import FieldSelection
from apps.projections.jetstream import ConsumerConfig
from apps.projections.nats_connection import Login
from apps.projections.projector import Projector
from apps.projections.records import Checkpoint
from apps.projections.sandbox.process import Limits, Sandbox
from apps.projections.store import Batch, Store
from apps.projections.worker import Shard, Worker
from tests.apps.projections.ledger import FIELDS, PROGRAM, VIEW

STREAM, SHARD, SUBJECTS = "BOOKS", "all", ["books.>"]


def shard(path: Path, ack_wait: float = 60.0, batch: int = 200) -> Shard:
    consumer = ConsumerConfig(STREAM, f"{VIEW}-{SHARD}", SUBJECTS, window=2000, ack_wait=ack_wait)
    return Shard(view_type=VIEW, name=SHARD, path=path, consumer=consumer, batch=batch, map_size=1 << 28)


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
    path = Path(options["path"])
    if options.get("full_disk"):
        size = sum(file.stat().st_size for file in path.glob("data.mdb"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    batch = options.get("batch", 200)
    selection = FieldSelection(FIELDS) if batch in (20, 1000) else None
    worker = Worker(
        shard(path, options.get("ack_wait", 60.0), batch),
        lambda: Login([options["url"]]),
        Projector(VIEW, EventDecoder(1), Sandbox(PROGRAM, Limits(memory=128)), selection),
    )
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    worker.run()


if __name__ == "__main__":
    main()
