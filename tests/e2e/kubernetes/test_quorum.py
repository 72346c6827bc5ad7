"""Three Kafka brokers and three NATS servers on one node lose no acknowledged message when each is killed in
turn under load."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from providers.kubernetes.naming import Naming
from tests.e2e.kubernetes.cluster import Cluster, ready
from tests.e2e.kubernetes.lab import ClusterStack, settings
from tests.e2e.light import EVERY

_QUORUMS = ("kafka", "nats")
_REPLICAS = 3
# Writes numbers until it is told to stop by its clock, then reads everything again: one line of JSON.
_KAFKA = """
import json, sys, time
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
servers, topic, seconds = sys.argv[1].split(","), sys.argv[2], float(sys.argv[3])
acknowledged, failed, end, number = set(), 0, time.monotonic() + seconds, 0
producer = KafkaProducer(bootstrap_servers=servers, acks="all", linger_ms=20)
while time.monotonic() < end:
    batch = [(n, producer.send(topic, str(n).encode())) for n in range(number, number + 50)]
    number += 50
    for n, future in batch:
        try:
            future.get(60)
            acknowledged.add(n)
        except Exception:
            failed += 1
producer.close()
consumer = KafkaConsumer(bootstrap_servers=servers, auto_offset_reset="earliest", enable_auto_commit=False)
partitions = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic))]
consumer.assign(partitions)
ends, read = consumer.end_offsets(partitions), set()
while any(consumer.position(p) < ends[p] for p in partitions):
    for records in consumer.poll(1000).values():
        read |= {int(record.value) for record in records}
print(json.dumps({"acknowledged": len(acknowledged), "failed": failed, "lost": sorted(acknowledged - read)}))
"""
_NATS = """
import asyncio, json, sys, time, nats
async def main():
    servers, password, subject, seconds = sys.argv[1].split(","), sys.argv[2], sys.argv[3], float(sys.argv[4])
    connection = await nats.connect(
        servers, user="nebula", password=password, max_reconnect_attempts=-1, reconnect_time_wait=0.5
    )
    stream, acknowledged, failed, number = connection.jetstream(), set(), 0, 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            await stream.publish(subject, str(number).encode(), timeout=5)
            acknowledged.add(number)
        except Exception:
            failed += 1
        number += 1
    read = set()
    subscription = await stream.pull_subscribe(subject, config=nats.js.api.ConsumerConfig(num_replicas=3))
    while True:
        try:
            messages = await subscription.fetch(500, timeout=10)
        except nats.errors.TimeoutError:
            break
        read |= {int(message.data) for message in messages}
        for message in messages:
            await message.ack()
    lost = sorted(acknowledged - read)
    print(json.dumps({"acknowledged": len(acknowledged), "failed": failed, "lost": lost}))
asyncio.run(main())
"""
_LOAD_SECONDS = 150
_TOPIC, _SUBJECT = "load", "load.numbers"


@pytest.fixture(scope="module")
def quorums(cluster: Cluster) -> Iterator[ClusterStack]:
    path = Path(tempfile.mkdtemp(prefix="nebula-"))
    small = {"cpu": 1, "memory": 768, "heap": 320, "volume": 1}
    stack = ClusterStack(
        "quorum",
        path,
        settings(
            cluster,
            size="production",
            demo=False,
            components={name: name in _QUORUMS for name in EVERY},
            sizing={"kafka": small, "nats": {"cpu": 0.5, "memory": 256, "volume": 1}},
            topics=[{"name": _TOPIC, "partitions": 3}],
            streams=[{"name": "LOAD", "subjects": ["load.>"]}],
        ),
    )
    try:
        stack.up()
        yield stack
    finally:
        stack.remove()
        shutil.rmtree(path)


def _servers(stack: ClusterStack, workload: str, port: int) -> str:
    return ",".join(f"{workload}-{n}.{workload}-peers.{stack.namespace}.svc:{port}" for n in range(_REPLICAS))


def _kill_each_in_turn(cluster: Cluster, namespace: str, workload: str) -> None:
    for index in range(_REPLICAS):
        before = cluster.core.read_namespaced_pod(f"{workload}-{index}", namespace).metadata.uid
        cluster.core.delete_namespaced_pod(f"{workload}-{index}", namespace, grace_period_seconds=0)
        cluster.wait_until_ready(namespace, workload, {before}, _REPLICAS)


def test_three_of_each_form_a_quorum(cluster: Cluster, quorums: ClusterStack) -> None:
    for workload in _QUORUMS:
        pods = [p for p in cluster.pods(quorums.namespace) if p.metadata.name.startswith(workload)]
        assert len(pods) == _REPLICAS
        assert all(ready(pod) for pod in pods)


def test_nothing_acknowledged_is_lost_when_each_is_killed_under_load(
    cluster: Cluster, quorums: ClusterStack
) -> None:
    naming, namespace = Naming(quorums.name, quorums.namespace), quorums.namespace
    password = quorums.credentials("nats")["password"]
    seconds = str(_LOAD_SECONDS)
    loads = {
        "kafka": (_KAFKA, [_servers(quorums, "kafka", 9092), _TOPIC, seconds], "kafka-topics"),
        "nats": (_NATS, [_servers(quorums, "nats", 4222), password, _SUBJECT, seconds], "nats-streams"),
    }
    with ThreadPoolExecutor(2 * len(loads)) as pool:
        written = {
            workload: pool.submit(
                cluster.run, namespace, "provisioner", program, arguments, naming.selector(client), workload
            )
            for workload, (program, arguments, client) in loads.items()
        }
        killed = [pool.submit(_kill_each_in_turn, cluster, namespace, workload) for workload in loads]
        for done in killed:
            done.result()
    for workload, load in written.items():
        result = json.loads(load.result().splitlines()[-1])
        print(workload, {**result, "lost": len(result["lost"])})
        assert result["acknowledged"] > 1000, workload
        assert result["lost"] == [], workload


def test_a_rolling_restart_keeps_the_quorum(cluster: Cluster, quorums: ClusterStack) -> None:
    before = cluster.identities(quorums.namespace)
    changed = {**quorums.settings, "sizing": {**quorums.settings["sizing"]}}
    changed["sizing"]["kafka"] = {**changed["sizing"]["kafka"], "memory": 800}
    quorums.configure(changed)
    quorums.up()
    after = cluster.identities(quorums.namespace)
    assert not after["kafka"] & before["kafka"]
    assert after["nats"] == before["nats"]
    assert quorums.preview().changes == {}
