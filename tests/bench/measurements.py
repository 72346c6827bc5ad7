"""Takes measurements one after another. A failed one is reported, and the others continue."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from rich.console import Console

from tests.bench.figures import Failure, Row


@dataclass(frozen=True)
class Measurement:
    """A measurement. `run` returns its figures, usually those called `names`; when it fails, `names` are
    reported as failed."""

    names: tuple[str, ...]
    run: Callable[[], Iterable[Row]]


def taken(measurements: Iterable[Measurement], console: Console) -> Iterator[Row]:
    """Take all measurements, and yield their figures, or the reason in the place of a figure that could not
    be taken."""
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
