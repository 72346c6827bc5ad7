"""What a real broker refuses of a topic's settings, the stack's settings refuse before; and nothing else."""

import warnings
from collections.abc import Iterator, Mapping

import pytest
from pydantic import ValidationError

from infra.settings import Settings
from tests.apps.provisioner.conftest import Declared

with warnings.catch_warnings():
    # kafka-python reads its schemas in a deprecated way.
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka.admin import KafkaAdminClient

_CONFIGS: list[dict[str, str]] = [
    {"compression.gzip.level": "0"},
    {"compression.gzip.level": "1"},
    {"compression.gzip.level": "-1"},
    {"compression.gzip.level": "-2"},
    {"compression.gzip.level": "10"},
    {"compression.lz4.level": "0"},
    {"compression.zstd.level": "0"},
    {"compression.zstd.level": "23"},
    {"min.compaction.lag.ms": "10", "max.compaction.lag.ms": "5"},
    {"min.compaction.lag.ms": "5", "max.compaction.lag.ms": "5"},
    {"min.compaction.lag.ms": "9223372036854775807"},
    {"remote.storage.enable": "true"},
    {"remote.storage.enable": " True"},
    {"remote.storage.enable": "false"},
    {"remote.log.copy.disable": "false"},
    {"unclean.leader.election.enable": "TRUE"},
    {"unclean.leader.election.enable": "yes"},
    {"preallocate": ""},
    {"min.cleanable.dirty.ratio": "1e-1"},
    {"min.cleanable.dirty.ratio": "00.5"},
    {"min.cleanable.dirty.ratio": "1."},
    {"min.cleanable.dirty.ratio": " .5 "},
    {"min.cleanable.dirty.ratio": "+1"},
    {"min.cleanable.dirty.ratio": "-0.1"},
    {"min.cleanable.dirty.ratio": "1.01"},
    {"min.cleanable.dirty.ratio": "0,5"},
    {"min.cleanable.dirty.ratio": ""},
    {"cleanup.policy": ""},
    {"cleanup.policy": "compact , delete"},
    {"cleanup.policy": " compact"},
    {"cleanup.policy": "compact,"},
    {"cleanup.policy": "Compact"},
    {"compression.type": " zstd "},
    {"compression.type": "ZSTD"},
    {"message.timestamp.type": "createtime"},
    {"follower.replication.throttled.replicas": ""},
    {"follower.replication.throttled.replicas": "0:1, 1:1"},
    {"follower.replication.throttled.replicas": "0:1,"},
    {"leader.replication.throttled.replicas": " * "},
    {"leader.replication.throttled.replicas": "0:1,*"},
    {"leader.replication.throttled.replicas": "a:b"},
    {"segment.ms": " 5000"},
    {"segment.ms": "5000\n"},
    {"segment.ms": "+5000"},
    {"segment.ms": "5 000"},
    {"segment.ms": "0"},
    {"segment.bytes": "1048575"},
    {"retention.ms": "-2"},
    {"max.message.bytes": "2147483648"},
]


@pytest.fixture(scope="module")
def admin(kafka: Declared) -> Iterator[KafkaAdminClient]:
    with KafkaAdminClient(
        bootstrap_servers=kafka["bootstrap_servers"], bootstrap_timeout_ms=120_000
    ) as client:
        yield client


def _is_taken_by(admin: KafkaAdminClient, config: Mapping[str, str]) -> bool:
    topic = {"num_partitions": 1, "replication_factor": 1, "configs": config}
    answer = admin.create_topics({"judged": topic}, validate_only=True, raise_errors=False)
    return not answer["topics"][0]["error_code"]


def _is_taken_by_settings(config: Mapping[str, str]) -> bool:
    try:
        Settings.model_validate({"cloud": "local", "topics": [{"name": "judged", "config": config}]})
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("config", _CONFIGS, ids=str)
def test_a_topic_s_settings_are_taken_exactly_where_a_broker_takes_them(
    admin: KafkaAdminClient, config: dict[str, str]
) -> None:
    assert _is_taken_by_settings(config) == _is_taken_by(admin, config)
