"""`make chaos`: kills worker and server KILLS times (1,000 if not given), and compares with a plain fold.

`python -m tests.apps.projections.chaos --seed S` plays the same plan again.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.apps.projections.chaos.run import Run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.apps.projections.chaos")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    directory = Path(tempfile.mkdtemp(prefix="nebula-chaos-"))
    started = time.monotonic()
    try:
        outcome = Run(directory, given.seed).run(given.kills, lambda line: print(line, flush=True))
        outcome.verify()
    except BaseException:
        print(f"seed {given.seed} failed; its files are in {directory}", file=sys.stderr)
        raise
    shutil.rmtree(directory)
    for name, count in sorted(outcome.done.items()):
        print(f"{count:6} {name}")
    print(
        f"{outcome.kills} kills in {time.monotonic() - started:.0f} s, {outcome.events} events, "
        f"{len(outcome.quarantined)} quarantined, {len(outcome.views)} views: equal to a plain fold, "
        "byte for byte"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
