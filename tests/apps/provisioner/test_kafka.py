import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from tests.apps.provisioner.conftest import Declared, Provision

with warnings.catch_warnings():
    # kafka-python reads its schemas in a deprecated way.
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka import KafkaConsumer, KafkaProducer, TopicPartition
    from kafka.admin import KafkaAdminClient

Topic = dict[str, Any]


def declare(server: Declared, *topics: Topic) -> Declared:
    return {**server, "topics": list(topics)}


@pytest.fixture
def admin(kafka: Declared, provision: Provision) -> Iterator[KafkaAdminClient]:
    assert provision(declare(kafka)).code == 0  # waits for the server
    with KafkaAdminClient(bootstrap_servers=kafka["bootstrap_servers"]) as client:
        yield client


def partitions(admin: KafkaAdminClient, topic: str) -> int:
    return len(admin.describe_topics([topic])[0]["partitions"])


def test_a_second_run_changes_nothing(kafka: Declared, provision: Provision) -> None:
    spec = declare(
        kafka,
        {"name": "twice.raw", "partitions": 6, "config": {"retention.ms": "604800000"}},
        {"name": "twice.logs"},
    )
    first = provision(spec)
    assert first.changed == ["created topic twice.raw, 6 partitions", "created topic twice.logs, 1 partition"]
    again = provision(spec)
    assert again.changed == []
    assert again.stdout.splitlines()[-1] == "nothing to change"


def test_partitions_grow_and_messages_stay(
    kafka: Declared, provision: Provision, admin: KafkaAdminClient
) -> None:
    assert provision(declare(kafka, {"name": "grows", "partitions": 2})).code == 0
    producer = KafkaProducer(bootstrap_servers=kafka["bootstrap_servers"])
    for _ in range(10):
        producer.send("grows", b"payload", partition=0)
    producer.close()
    grown = declare(kafka, {"name": "grows", "partitions": 5})
    assert provision(grown).changed == ["topic grows: 2 to 5 partitions"]
    assert partitions(admin, "grows") == 5
    assert provision(grown).changed == []
    consumer = KafkaConsumer(bootstrap_servers=kafka["bootstrap_servers"])
    first = TopicPartition("grows", 0)
    assert consumer.end_offsets([first])[first] == 10
    consumer.close()


def test_partitions_never_shrink(kafka: Declared, provision: Provision, admin: KafkaAdminClient) -> None:
    assert provision(declare(kafka, {"name": "wide", "partitions": 4})).code == 0
    run = provision(declare(kafka, {"name": "wide", "partitions": 3}))
    assert run.code == 1
    assert "topic wide has 4 partitions, which can't be reduced to 3" in run.stderr
    assert partitions(admin, "wide") == 4


def test_a_differing_setting_is_set_and_others_stay(kafka: Declared, provision: Provision) -> None:
    topic = {"name": "configured", "config": {"retention.ms": "1000000", "cleanup.policy": "compact"}}
    assert provision(declare(kafka, topic)).code == 0
    changed = declare(kafka, {"name": "configured", "config": {"retention.ms": "2000000"}})
    assert provision(changed).changed == ["topic configured: retention.ms from 1000000 to 2000000"]
    assert provision(declare(kafka, {**topic, "config": {"cleanup.policy": "compact"}})).changed == []


@pytest.mark.parametrize("exists", [True, False])
def test_an_unknown_setting_is_an_error_that_names_it(
    kafka: Declared, provision: Provision, exists: bool
) -> None:
    name = f"mistyped-{exists}"
    if exists:
        assert provision(declare(kafka, {"name": name})).code == 0
    run = provision(declare(kafka, {"name": name, "config": {"retention.msec": "1"}}))
    assert run.code == 1
    assert f"topic {name}" in run.stderr
    assert "retention.msec" in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_a_replication_factor_that_differs_is_an_error(kafka: Declared, provision: Provision) -> None:
    assert provision(declare(kafka, {"name": "replicated"})).code == 0
    run = provision(declare(kafka, {"name": "replicated", "replication_factor": 3}))
    assert run.code == 1
    assert "topic replicated has replication factor 1" in run.stderr


def test_a_topic_that_is_declared_no_more_is_kept(
    kafka: Declared, provision: Provision, admin: KafkaAdminClient
) -> None:
    assert provision(declare(kafka, {"name": "undeclared", "partitions": 2})).code == 0
    assert provision(declare(kafka)).changed == []
    assert partitions(admin, "undeclared") == 2
