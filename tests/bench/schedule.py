"""The least time that work can take which depends on other work and shares some cores."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter


@dataclass(frozen=True)
class Path:
    """A chain of work, each step after the one before it, and its seconds."""

    steps: tuple[str, ...] = ()
    seconds: float = 0.0


def critical_path(seconds: Mapping[str, float], after: Mapping[str, Collection[str]]) -> Path:
    """The longest chain. `after` maps work to what must be done first; work without an entry in
    `seconds` takes no time and is left out of the chain. Raises graphlib.CycleError."""
    longest: dict[str, Path] = {}
    for name in TopologicalSorter(after).static_order():
        before = max((longest[other] for other in after.get(name, ())), key=_duration, default=Path())
        if name in seconds:
            before = Path((*before.steps, name), before.seconds + seconds[name])
        longest[name] = before
    alone = (Path((name,), taken) for name, taken in seconds.items() if name not in longest)
    return max((*longest.values(), *alone), key=_duration, default=Path())


def least_seconds(path: Path, processor_seconds: float, cores: int) -> float:
    """No schedule ends sooner: neither the chain nor the processors can be hurried."""
    return max(path.seconds, processor_seconds / cores)


def _duration(path: Path) -> float:
    return path.seconds
