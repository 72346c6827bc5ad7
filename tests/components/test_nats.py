"""NATS: JetStream on files, a quorum where it has replicas, and the streams of the stack."""

import json

from components.nats import Nats, NatsArgs, Stream
from components.sizing import Size
from tests.components.recorded import RecordingCluster, foundation, recorded


def _built(size: Size = "laptop") -> RecordingCluster:
    def program(cluster: RecordingCluster) -> None:
        streams = (Stream("EVENTS", ("events.>",)),)
        Nats("nats", NatsArgs(foundation=foundation(cluster, size), streams=streams))

    return recorded(program)


def test_one_server_has_no_routes() -> None:
    cluster = _built()
    assert "cluster {" not in cluster.files["nats"]["nats.conf"]
    assert set(cluster.programs["nats"].ports) == {"client", "monitor"}


def test_three_servers_know_each_other_and_keep_three_copies() -> None:
    cluster = _built("production")
    assert cluster.workload("nats").replicas == 3
    conf = cluster.files["nats"]["nats.conf"]
    assert all(f"{{peer.cluster.{index}}}" in conf for index in range(3))
    (stream,) = json.loads(cluster.files["nats-streams"]["spec.json"])["streams"]
    assert stream == {"name": "EVENTS", "subjects": ["events.>"], "replicas": 3}


def test_a_server_that_waits_for_its_peers_is_not_restarted() -> None:
    readiness = _built().workload("nats").readiness
    assert readiness.alive != readiness.probe


def test_no_secret_stands_where_anybody_may_read_it() -> None:
    cluster = _built()
    assert any("secret-of-" in text for files in cluster.files.values() for text in files.values())
    assert not [text for texts in cluster.open_texts.values() for text in texts if "secret-of-" in text]
