"""Reads Kafka's topics with an ordinary client."""

import warnings
from collections.abc import Iterator

with warnings.catch_warnings():
    # kafka-python reads its schemas in a deprecated way.
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka import KafkaConsumer, KafkaProducer
    from kafka.admin import KafkaAdminClient

_MILLISECONDS = 30_000


def partitions(bootstrap_servers: str) -> dict[str, int]:
    """Return the number of partitions of each topic, except for Kafka's internal ones."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers)
    try:
        topics = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics()}
    finally:
        admin.close()
    return {name: count for name, count in topics.items() if not name.startswith("__")}


def produce(bootstrap_servers: str, topic: str, value: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap_servers, acks="all")
    try:
        producer.send(topic, value).get(_MILLISECONDS / 1000)
    finally:
        producer.close()


def consume(bootstrap_servers: str, topic: str) -> Iterator[bytes]:
    """Yield every message of the topic from its beginning, until no more arrive."""
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap_servers,
        auto_offset_reset="earliest",
        consumer_timeout_ms=_MILLISECONDS,
    )
    try:
        for message in consumer:
            yield message.value
    finally:
        consumer.close()
