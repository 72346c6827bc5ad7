"""The settings of Kafka topics, checked against the rules of a broker."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
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
_COMMA = "[ \t]*,[ \t]*"
_REPLICAS = rf"\*|([0-9]+:[0-9]+)?({_COMMA}([0-9]+:[0-9]+)?)*"
_RATIO = r"[-+]?([0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})([eE][-+]?[0-9]{1,3})?"
_SWITCHES = frozenset(
    {
        "preallocate",
        "remote.log.copy.disable",
        "remote.log.delete.on.disable",
        "remote.storage.enable",
        "unclean.leader.election.enable",
    }
)
_BLANKS = "".join(map(chr, range(ord(" ") + 1)))
"""The characters that a broker strips from both ends of a value."""
_WORDS: dict[str, tuple[str, str]] = {
    "cleanup.policy": (
        rf"((compact|delete)({_COMMA}(compact|delete))*)?",
        "compact, delete, or both with a comma between",
    ),
    "compression.type": (
        "uncompressed|zstd|lz4|snappy|gzip|producer",
        "uncompressed, zstd, lz4, snappy, gzip or producer",
    ),
    "follower.replication.throttled.replicas": (_REPLICAS, "* or partition:broker,…"),
    "leader.replication.throttled.replicas": (_REPLICAS, "* or partition:broker,…"),
    "message.timestamp.type": ("CreateTime|LogAppendTime", "CreateTime or LogAppendTime"),
    **dict.fromkeys(_SWITCHES, ("(?i:true|false)", "true or false")),
}
_KNOWN = sorted((*_WHOLE, *_WORDS, "min.cleanable.dirty.ratio"))


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


@dataclass(frozen=True)
class Brokers:
    """Says what is known of the brokers. With `ours`, the platform runs them: they have no tiered storage
    and no further settings; a site's may. `replicas` is the number of copies of each topic, None if others
    created the topics."""

    ours: bool
    replicas: int | None


def check_topics(topics: Sequence[TopicSettings], brokers: Brokers) -> None:
    """Raises PydanticCustomError for what Kafka would refuse: a topic setting, or two topics with the
    same name in metrics, where `.` and `_` are one character."""
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
        config = {key: value.strip(_BLANKS) for key, value in topic.config.items()}
        for key, value in config.items():
            if trouble := _trouble(key, value, brokers):
                raise problem(("topics", index, "config", key), trouble)
        least, most = (int(config.get(f"{end}.compaction.lag.ms", 0)) for end in ("min", "max"))
        if "max.compaction.lag.ms" in config and least > most:
            raise problem(
                ("topics", index, "config", "min.compaction.lag.ms"),
                f"is more than max.compaction.lag.ms, {most}: lower it, or raise that",
            )


def _trouble(key: str, value: str, brokers: Brokers) -> str | None:
    """Returns the problem of a topic setting, or None. The value is left out, since it may be any text."""
    if key in _WHOLE:
        least, most = _WHOLE[key]
        # More digits are none of these numbers, and slow to read.
        whole = re.fullmatch(r"[-+]?[0-9]{1,19}", value)
        if whole is None or not least <= int(value) <= most:
            return f"must be a whole number from {least} to {most}"
        if key == "compression.gzip.level" and int(value) == 0:
            return f"must be a whole number from 1 to {most}, or {least} for gzip's own"
        if key == "min.insync.replicas" and brokers.replicas is not None and int(value) > brokers.replicas:
            there_are = "there are brokers" if brokers.ours else "external.kafka.replication_factor"
            return f"asks for more replicas than {there_are} ({brokers.replicas}): nobody could write"
        return None
    if key == "min.cleanable.dirty.ratio":
        ratio = re.fullmatch(_RATIO, value)
        return None if ratio and 0 <= float(value) <= 1 else "must be a number from 0 to 1"
    if key == "remote.storage.enable" and brokers.ours and value.lower() == "true":
        return "must be false: these brokers keep nothing in tiered storage"
    if key in _WORDS:
        pattern, allowed = _WORDS[key]
        return None if re.fullmatch(pattern, value) else f"must be {allowed}"
    if not brokers.ours:
        return None
    return f"Kafka knows no such topic setting; known: {', '.join(_KNOWN)}"
