"""Kafka as its clients see it."""

import warnings
from collections.abc import Iterator

with warnings.catch_warnings():
    # kafka-python reads its schemas in a deprecated way.
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka import KafkaConsumer, KafkaProducer
    from kafka.admin import KafkaAdminClient

_MILLISECONDS = 30_000


def partitions(bootstrap_servers: str) -> dict[str, int]:
    """How many partitions each topic has, Kafka's own topics left out."""
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
    """Every message of the topic from its beginning, until none comes any more."""
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
