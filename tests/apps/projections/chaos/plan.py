"""What is done to worker and server, in an order that a seed decides."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "kill worker",
    "kill server",
    "kill both",
    "freeze worker",
    "freeze server",
    "delete consumer",
    "steal deliveries",
    "terminate worker",
]
KILLS: dict[Kind, int] = {"kill worker": 1, "kill server": 1, "kill both": 2}
_WEIGHTS: dict[Kind, int] = {
    "kill worker": 45,
    "kill server": 15,
    "kill both": 10,
    "freeze worker": 8,
    "freeze server": 5,
    "delete consumer": 6,
    "steal deliveries": 6,
    "terminate worker": 5,
}


@dataclass(frozen=True)
class Action:
    """`after` and `lasting` are seconds; `life` are the options of the worker that is started next."""

    kind: Kind
    after: float
    lasting: float
    life: dict[str, object]


def actions(seed: int) -> Iterator[Action]:
    """Endless; the same for the same seed."""
    choose = random.Random(seed)  # noqa: S311 - a seed must decide it
    while True:
        kind = choose.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        life: dict[str, object] = {"batch": choose.choice([1, 20, 200, 1000])}
        fault = choose.random()
        if fault < 0.10:
            life["slow_commit"] = choose.choice([0.02, 0.1])
        elif fault < 0.18:
            life["full_disk"] = True
        elif fault < 0.28:
            life["ack_wait"] = 0.1
        yield Action(kind, choose.uniform(0.02, 0.9), choose.uniform(0.02, 0.4), life)
