"""Exactly once under kills, in short: `make chaos` is the long one."""

import os
import random
from pathlib import Path

from tests.apps.projections.chaos.run import Run

_KILLS = 15


def test_views_equal_a_plain_fold_after_kills(tmp_path: Path) -> None:
    seed = int(os.environ.get("NEBULA_CHAOS_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"seed {seed}: NEBULA_CHAOS_SEED={seed} plays the same plan again")
    outcome = Run(tmp_path, seed).run(_KILLS)
    assert outcome.kills >= _KILLS
    assert outcome.events > 0
    outcome.verify()
