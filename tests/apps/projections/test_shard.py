"""A shard as it is handed on: to a child process, and resolved for one generation."""

import json
from pathlib import Path

from apps.projections.generations.states import EventSource, Generation, State
from apps.projections.nats_connection import Login
from apps.projections.shard import Shard
from apps.projections.spec import Projection
from tests.apps.projections import consuming
from tests.apps.projections.ledger import PROGRAM

PROJECTION = Projection(
    view="ledger",
    shard="north",
    stream="BOOKS",
    subjects=("books.north.>", "books.all"),
    tenant_token=1,
    fields=("payload.value", "aggregate_id"),
    program=PROGRAM,
)


def shard(directory: Path) -> Shard:
    login = Login(["nats://one:4222", "nats://two:4222"], "nebula", "very-secret")
    return consuming.shard(login, directory, PROJECTION, map_size=1 << 20)


def test_a_child_process_gets_the_same_shard_password_included(tmp_path: Path) -> None:
    line = shard(tmp_path).encoded()
    assert line.count(b"\n") == 1
    assert Shard.model_validate(json.loads(line)) == shard(tmp_path)
    assert "very-secret" not in repr(shard(tmp_path))


def test_a_generation_is_built_from_its_own_source_and_from_the_declared_one_if_it_has_none(
    tmp_path: Path,
) -> None:
    own = EventSource("LEDGERS", ("ledgers.>",))
    old = shard(tmp_path).assignment(Generation(3, 1, State.STANDBY, own))
    assert (old.consumer.stream, old.consumer.subjects) == ("LEDGERS", ("ledgers.>",))
    assert (old.tenant_token, old.fields) == (None, ())
    declared = shard(tmp_path).assignment(Generation(1, 1, State.SERVING))
    assert (declared.consumer.stream, declared.consumer.subjects) == (
        "BOOKS", ("books.all", "books.north.>"),
    )  # fmt: skip
    assert (declared.tenant_token, declared.fields) == (1, ("aggregate_id", "payload.value"))


def test_the_names_that_a_generation_has_in_nats_and_on_disk_stay(tmp_path: Path) -> None:
    """An upgrade finds the consumer and the store of the release before."""
    assignment = shard(tmp_path).assignment(Generation(12, 1, State.SERVING))
    assert assignment.consumer.name == "ledger-north-12"
    assert assignment.path == tmp_path / "12"
