"""The 336,776 flights as events on a real server, through the example programs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.projections.spec import Projection
from tests.apps.projections import flights
from tests.apps.projections.consuming import consume, shard, views
from tests.apps.projections.nats_server import NatsServer, nats_server
from tests.e2e.flights_expected import FLIGHTS, Expected


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
        projection = Projection(
            view=view_type,
            shard=str(number),
            stream="FLIGHTS",
            subjects=(subject,),
            tenant_token=1,
            fields=flights.FIELDS[view_type],
            program=program,
        )
        last = server.ask("STREAM.MSG.GET.FLIGHTS", {"last_by_subj": subject})["message"]["seq"]
        part = shard(server.login, path / str(number), projection)
        consume(part, last)
        mine = views(part)
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
    assert flights.over_airports(found) == flights.of_gold(columns, rows)
