"""Projections: a worker for each shard, with its own view, port and volume."""

import json

from components.projections import Projections, ProjectionsArgs, Shard, View
from components.sizing import Size
from tests.components import servers
from tests.components.recorded import RecordingCluster, foundation, recorded


def _built(size: Size = "laptop") -> RecordingCluster:
    def program(cluster: RecordingCluster) -> None:
        shards = (Shard("east", ("events.east.>",), 3), Shard("west", ("events.west.>",), 7))
        view = View(name="board", stream="EVENTS", shards=shards, program="def apply(): {x}")
        args = ProjectionsArgs(foundation=foundation(cluster, size), nats=servers.nats(), workers=(view,))
        Projections("projections", args)

    return recorded(program)


def test_each_shard_has_a_worker_with_a_port_of_its_own() -> None:
    cluster = _built()
    ports = {name: program.ports["http"] for name, program in cluster.programs.items()}
    assert ports == {"projections-board-east": 8703, "projections-board-west": 8707}
    assert all(cluster.workload(name).volume for name in ports)


def test_a_worker_projects_the_subjects_of_its_shard() -> None:
    manifest = json.loads(_built().files["projections-board-east"]["projections.json"])
    (projection,) = manifest["projections"]
    assert (projection["shard"], projection["subjects"]) == ("east", ["events.east.>"])
    assert projection["program"] == "def apply(): {x}"


def test_workers_reach_nats_alone() -> None:
    assert _built().links("projections-board-west") == {("nats", ("client",))}


def test_no_secret_stands_where_anybody_may_read_it() -> None:
    cluster = _built()
    assert any("secret-of-" in text for files in cluster.files.values() for text in files.values())
    assert not [text for texts in cluster.open_texts.values() for text in texts if "secret-of-" in text]
