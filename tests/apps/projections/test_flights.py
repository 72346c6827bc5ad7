"""The 336,776 flights as events on a real server, through the example programs."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from apps.projections.backfill import Source
from apps.projections.keys import ViewKey
from tests.apps.projections import flights
from tests.apps.projections.consuming import consume, views
from tests.apps.projections.nats_server import NatsServer, nats_server
from tests.e2e.flights_expected import FLIGHTS, Expected

MEASURES = (
    "flights",
    "cancelled",
    "diverted",
    "departed",
    "arrived",
    "arrived_15_late",
    "dep_delay_sum",
    "arr_delay_sum",
)


@pytest.fixture(scope="module")
def messages() -> list[flights.Message]:
    return flights.events()


@pytest.fixture(scope="module")
def server(messages: list[flights.Message], tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with nats_server(tmp_path_factory.mktemp("nats")) as server:
        server.add_stream("FLIGHTS", ["flights.>"])
        assert server.publish(messages) == FLIGHTS == len(messages)
        yield server


def folded(server: NatsServer, view_type: str, path: Path, *shards: str) -> dict[bytes, bytes]:
    """All views of the example program, from one worker for each of `shards` (subjects)."""
    program = (flights.EXAMPLES / f"{view_type}.star").read_text()
    found: dict[bytes, bytes] = {}
    for number, subject in enumerate(shards):
        source = Source(
            view_type=view_type,
            shard=str(number),
            stream="FLIGHTS",
            subjects=[subject],
            tenant_token=1,
            fields=flights.FIELDS[view_type],
        )
        last = server.ask("STREAM.MSG.GET.FLIGHTS", {"last_by_subj": subject})["message"]["seq"]
        consume(server.login, source, program, path / str(number), last)
        mine = views(source, path / str(number))
        assert not found.keys() & mine.keys()
        found |= mine
    return found


def test_boards_equal_a_plain_fold_byte_for_byte(
    server: NatsServer, messages: list[flights.Message], tmp_path: Path
) -> None:
    assert folded(server, "board", tmp_path, "flights.>") == flights.boards(messages)


def test_statistics_of_three_shards_equal_a_plain_fold_and_the_gold_table(
    server: NatsServer, messages: list[flights.Message], tmp_path: Path
) -> None:
    airports = ("flights.EWR.>", "flights.JFK.>", "flights.LGA.>")
    found = folded(server, "carriers", tmp_path, *airports)
    assert found == flights.carriers(messages)
    columns, rows = Expected(flights.data(), tmp_path).table("gold.delays_by_carrier_month")
    gold = {
        (values["carrier"], f"{values['year']}-{values['month']:02}"): tuple(
            values[name] or 0 for name in MEASURES
        )
        for values in (dict(zip(columns, row, strict=True)) for row in rows)
    }
    assert _over_airports(found) == gold


def _over_airports(found: dict[bytes, bytes]) -> dict[tuple[str, str], tuple[int, ...]]:
    sums: dict[tuple[str, str], Counter[str]] = {}
    for key, view in found.items():
        carrier, _, month = ViewKey.decode(key).view_id.partition("-")
        sums.setdefault((carrier, month), Counter()).update(msgspec.json.decode(view))
    return {key: tuple(counts[name] for name in MEASURES) for key, counts in sums.items()}
