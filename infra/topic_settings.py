"""Kafka topics in the stack's configuration, held to what a broker takes."""

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from infra.model import Model, problem

_LONG = 2**63 - 1
_INT = 2**31 - 1
_WHOLE: dict[str, tuple[int, int]] = {
    "compression.gzip.level": (-1, 9),
    "compression.lz4.level": (1, 17),
    "compression.zstd.level": (-131072, 22),
    "delete.retention.ms": (0, _LONG),
    "file.delete.delay.ms": (0, _LONG),
    "flush.messages": (1, _LONG),
    "flush.ms": (0, _LONG),
    "index.interval.bytes": (0, _INT),
    "local.retention.bytes": (-2, _LONG),
    "local.retention.ms": (-2, _LONG),
    "max.compaction.lag.ms": (1, _LONG),
    "max.message.bytes": (0, _INT),
    "message.timestamp.after.max.ms": (0, _LONG),
    "message.timestamp.before.max.ms": (0, _LONG),
    "min.compaction.lag.ms": (0, _LONG),
    "min.insync.replicas": (1, _INT),
    "retention.bytes": (-_LONG - 1, _LONG),
    "retention.ms": (-1, _LONG),
    "segment.bytes": (2**20, _INT),
    "segment.index.bytes": (4, _INT),
    "segment.jitter.ms": (0, _LONG),
    "segment.ms": (1, _LONG),
}
"""Topic settings that are whole numbers, with the least and the most: LogConfig of Kafka 4.1."""
_REPLICAS = r"\*|[0-9]+:[0-9]+(,[0-9]+:[0-9]+)*"
_WORDS: dict[str, tuple[str, str]] = {
    "cleanup.policy": (
        "(compact|delete)(, *(compact|delete))*",
        "compact, delete, or both with a comma between",
    ),
    "compression.type": (
        "uncompressed|zstd|lz4|snappy|gzip|producer",
        "uncompressed, zstd, lz4, snappy, gzip or producer",
    ),
    "follower.replication.throttled.replicas": (_REPLICAS, "* or partition:broker,…"),
    "leader.replication.throttled.replicas": (_REPLICAS, "* or partition:broker,…"),
    "message.timestamp.type": ("CreateTime|LogAppendTime", "CreateTime or LogAppendTime"),
    "min.cleanable.dirty.ratio": (r"0|1|0?\.[0-9]+|[01]\.0+", "a number from 0 to 1"),
    **dict.fromkeys(
        (
            "preallocate",
            "remote.log.copy.disable",
            "remote.log.delete.on.disable",
            "remote.storage.enable",
            "unclean.leader.election.enable",
        ),
        ("true|false", "true or false"),
    ),
}


def _topic(name: str) -> str:
    if name in (".", ".."):
        raise ValueError(f"{name} is no name of a topic: Kafka would take it for a folder")
    if name.startswith("__"):
        raise ValueError(f"{name} begins with __, as Kafka's own topics do: choose another name")
    return name


TopicName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,249}$"), AfterValidator(_topic)]


class TopicSettings(Model):
    """A Kafka topic: partitions may grow later, never shrink."""

    name: TopicName
    partitions: int = Field(default=1, ge=1, le=1000)
    config: dict[str, str] = Field(default_factory=dict, description="Kafka's own topic properties")


def check_topics(topics: Sequence[TopicSettings], brokers: int | None) -> None:
    """Raises PydanticCustomError for what Kafka would refuse: of two topics whose names come to the same
    metric (it tells `.` and `_` apart in no metric), or a topic setting. `brokers` are how many of ours there
    are, None for a server of the user's own, which may know further settings."""
    seen: dict[str, str] = {}
    for index, topic in enumerate(topics):
        other = seen.setdefault(topic.name.replace(".", "_"), topic.name)
        if any(topic is not each and topic.name == each.name for each in topics[:index]):
            raise problem(("topics", index, "name"), f"topic {topic.name} is declared twice: remove one")
        if other != topic.name:
            raise problem(
                ("topics", index, "name"),
                f"{topic.name} and {other} are one name in Kafka's metrics, where . is _: rename one",
            )
        for key, value in topic.config.items():
            if trouble := _trouble(key, value, brokers):
                raise problem(("topics", index, "config", key), trouble)


def _trouble(key: str, value: str, brokers: int | None) -> str | None:
    """What is wrong with a topic setting, or None. The value is not shown: it is text of any kind."""
    if key in _WHOLE:
        least, most = _WHOLE[key]
        # More digits are none of these numbers, and slow to read.
        whole = re.fullmatch(r"[-+]?[0-9]{1,19}", value)
        if whole is None or not least <= int(value) <= most:
            return f"must be a whole number from {least} to {most}"
        if key == "min.insync.replicas" and brokers is not None and int(value) > brokers:
            return f"asks for more replicas than there are brokers ({brokers}): nobody could write"
        return None
    if key in _WORDS:
        pattern, allowed = _WORDS[key]
        return None if re.fullmatch(pattern, value) else f"must be {allowed}"
    if brokers is None:
        return None
    return f"Kafka knows no such topic setting; known: {', '.join(sorted((*_WHOLE, *_WORDS)))}"
