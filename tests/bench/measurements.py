"""Measurements in turn: one that fails is reported, and the others go on."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from rich.console import Console

from tests.bench.figures import Failure, Row


@dataclass(frozen=True)
class Measurement:
    """`run` takes figures: those of `names`, or fewer where something is left out on purpose, or others where
    nobody knows before which there will be; `names` then says what failed when it does."""

    names: tuple[str, ...]
    run: Callable[[], Iterable[Row]]


def taken(measurements: Iterable[Measurement], console: Console) -> Iterator[Row]:
    """The figures of all; in place of those that a measurement could not take, why it failed."""
    for measurement in measurements:
        missing = list(measurement.names)
        try:
            for row in measurement.run():
                missing = [name for name in missing if name != row.name]
                yield row
        except Exception as error:  # noqa: BLE001  # whatever it is, the next figure does not depend on it
            console.print_exception()
            # One that fails after its last figure, as when it takes down what it stood up, failed too.
            for name in missing or measurement.names:
                yield Failure(name, f"{type(error).__name__}: {error}")
