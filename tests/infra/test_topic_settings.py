"""Topics that Kafka would refuse are refused where they are written."""

import pytest
from pydantic import ValidationError

from infra.settings import Settings


def _settings(*topics: object, **more: object) -> Settings:
    return Settings.model_validate({"cloud": "kubernetes", "topics": list(topics), **more})


def _refused(*topics: object, **more: object) -> str:
    with pytest.raises(ValidationError) as caught:
        _settings(*topics, **more)
    (error,) = caught.value.errors()
    place = ".".join(str(part) for part in (*error["loc"], *error.get("ctx", {}).get("key", ())))
    return f"{place}: {error['msg']}"


def test_a_topic_twice_is_refused() -> None:
    assert _refused({"name": "a"}, {"name": "b"}, {"name": "a"}) == (
        "topics.2.name: topic a is declared twice: remove one"
    )


def test_topics_that_are_one_in_the_brokers_metrics_are_refused() -> None:
    message = _refused({"name": "a.b"}, {"name": "a_b"})
    assert message.startswith("topics.1.name: a_b and a.b are one name in Kafka's metrics")


@pytest.mark.parametrize("name", [".", "..", "", "a b", "a/b", "ü", "a" * 250, "__consumer_offsets"])
def test_what_is_no_name_of_a_topic_is_refused(name: str) -> None:
    assert _refused({"name": name}).startswith("topics.0.name: ")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("retention.ms", "-1"),
        ("retention.ms", "86400000"),
        ("retention.bytes", "-1"),
        ("cleanup.policy", "compact"),
        ("cleanup.policy", "compact,delete"),
        ("compression.type", "zstd"),
        ("min.cleanable.dirty.ratio", "0.5"),
        ("preallocate", "true"),
        ("message.timestamp.type", "LogAppendTime"),
        ("leader.replication.throttled.replicas", "0:1,1:2"),
        ("unclean.leader.election.enable", "TRUE"),
        ("min.cleanable.dirty.ratio", "1e-1"),
        ("cleanup.policy", ""),
        ("segment.ms", " 5000"),
    ],
)
def test_a_topic_setting_of_kafkas_is_taken(key: str, value: str) -> None:
    assert _settings({"name": "a", "config": {key: value}}).topics[0].config == {key: value}


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("retention.ms", "-2", "from -1"),
        ("retention.ms", "7d", "must be a whole number"),
        ("retention.ms", "", "must be a whole number"),
        ("retention.ms", "9" * 400, "must be a whole number"),
        ("retention.ms", "9223372036854775808", "must be a whole number"),
        ("segment.bytes", "1024", "from 1048576"),
        ("cleanup.policy", "purge", "must be compact, delete, or both"),
        ("compression.type", "brotli", "must be uncompressed"),
        ("min.cleanable.dirty.ratio", "2", "from 0 to 1"),
        ("preallocate", "yes", "true or false"),
        ("retention", "1", "Kafka knows no such topic setting; known: cleanup.policy, "),
    ],
)
def test_a_topic_setting_that_kafka_refuses_is_refused(key: str, value: str, said: str) -> None:
    message = _refused({"name": "a", "config": {key: value}})
    assert message.startswith(f"topics.0.config.{key}: ")
    assert said in message


def test_more_replicas_than_brokers_are_refused() -> None:
    topic = {"name": "a", "config": {"min.insync.replicas": "2"}}
    assert "more replicas than there are brokers (1)" in _refused(topic)
    assert _settings(topic, size="production").topics


def test_a_server_of_the_users_own_may_know_further_settings() -> None:
    external = {"kafka": {"bootstrap_servers": ["k:9092"], "tls": "disabled"}}
    topic = {"name": "a", "config": {"vendor.tier": "cold", "min.insync.replicas": "3"}}
    assert _settings(topic, external=external).topics[0].config["vendor.tier"] == "cold"
    assert "whole number" in _refused({"name": "a", "config": {"retention.ms": "x"}}, external=external)


def test_more_replicas_than_topics_have_on_a_server_of_the_users_own_are_refused() -> None:
    kafka = {"bootstrap_servers": ["k:9092"], "tls": "disabled", "replication_factor": 1}
    topic = {"name": "a", "config": {"min.insync.replicas": "2", "remote.storage.enable": "true"}}
    assert "more replicas than external.kafka.replication_factor (1)" in _refused(
        topic, external={"kafka": kafka}
    )
    assert _settings(topic, external={"kafka": {**kafka, "create_topics": False}}).topics
