"""Computes the least time of work whose parts depend on one another and share some cores."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter


@dataclass(frozen=True)
class Path:
    """A chain of work, in which each step needs the one before it, and the seconds of the whole chain."""

    steps: tuple[str, ...] = ()
    seconds: float = 0.0


def critical_path(seconds: Mapping[str, float], after: Mapping[str, Collection[str]]) -> Path:
    """Return the longest chain. `after` maps work to the work that must be done first. Work that is missing
    in `seconds` takes no time and is left out of the chain. Raises graphlib.CycleError when work depends on
    itself."""
    longest: dict[str, Path] = {}
    for name in TopologicalSorter(after).static_order():
        before = max((longest[other] for other in after.get(name, ())), key=_duration, default=Path())
        if name in seconds:
            before = Path((*before.steps, name), before.seconds + seconds[name])
        longest[name] = before
    alone = (Path((name,), taken) for name, taken in seconds.items() if name not in longest)
    return max((*longest.values(), *alone), key=_duration, default=Path())


def least_seconds(path: Path, processor_seconds: float, cores: int) -> float:
    """Return the fewest seconds that any schedule needs, given the critical path and the processor time of
    all work."""
    return max(path.seconds, processor_seconds / cores)


def _duration(path: Path) -> float:
    return path.seconds
