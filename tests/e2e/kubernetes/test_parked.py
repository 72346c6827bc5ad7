"""A parked stack on a real cluster has no pods; it keeps its claims, secrets and data, and serves them again
when it is back."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from providers.kubernetes.naming import Naming
from tests.e2e.full import eventually
from tests.e2e.kubernetes.cluster import Cluster, ready
from tests.e2e.kubernetes.lab import ClusterStack, settings
from tests.e2e.light import EVERY

_RUN = ("nats", "redis")
_PODS_GONE_SECONDS = 120
_SUBJECT = "events.mark"
# Publishes its third argument, if there is one, and prints the stream's last message.
_MARK = """
import asyncio, nats, sys
async def main():
    connection = await nats.connect(sys.argv[1], user="nebula", password=sys.argv[2])
    stream = connection.jetstream()
    if len(sys.argv) > 3:
        await stream.publish("events.mark", sys.argv[3].encode())
    print("last: " + (await stream.get_last_msg("EVENTS", "events.mark")).data.decode())
    await connection.close()
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def stack(cluster: Cluster) -> Iterator[ClusterStack]:
    path = Path(tempfile.mkdtemp(prefix="nebula-"))
    found = ClusterStack(
        "parked",
        path,
        settings(
            cluster,
            demo=False,
            components={name: name in _RUN for name in EVERY},
            streams=[{"name": "EVENTS", "subjects": ["events.>"]}],
        ),
    )
    try:
        found.up()
        yield found
    finally:
        found.remove()
        shutil.rmtree(path)


def _mark(cluster: Cluster, stack: ClusterStack, *text: str) -> str:
    server = f"nats://nats.{stack.namespace}.svc:4222"
    password = stack.credentials("nats")["password"]
    client = dict(Naming(stack.name, stack.namespace).selector("nats-streams"))
    printed = cluster.run(stack.namespace, "provisioner", _MARK, [server, password, *text], client)
    return printed.splitlines()[-1]


def _kept(cluster: Cluster, stack: ClusterStack) -> dict[str, str]:
    """Return the uids of the claims and Jobs, which parking must keep."""
    from kubernetes import client

    claims = cluster.core.list_namespaced_persistent_volume_claim(stack.namespace).items
    jobs = client.BatchV1Api(cluster.core.api_client).list_namespaced_job(stack.namespace).items
    return {f"{type(each).__name__}/{each.metadata.name}": each.metadata.uid for each in (*claims, *jobs)}


def test_a_parked_stack_has_no_pod_and_comes_back_as_it_was(cluster: Cluster, stack: ClusterStack) -> None:
    assert _mark(cluster, stack, "kept") == "last: kept"
    outputs, kept, on = stack.outputs(), _kept(cluster, stack), dict(stack.settings)
    assert any(name.startswith("V1PersistentVolumeClaim/") for name in kept)
    assert any(name.startswith("V1Job/") for name in kept)

    stack.configure({**on, "power": "parked"})
    assert set(stack.up().changes.values()) == {"update"}
    for attempt in eventually(_PODS_GONE_SECONDS):
        with attempt:
            assert cluster.pods(stack.namespace) == []
    assert _kept(cluster, stack) == kept
    assert stack.outputs() == outputs
    assert stack.preview().changes == {}

    stack.configure(on)
    assert set(stack.up().changes.values()) == {"update"}
    pods = cluster.pods(stack.namespace)
    assert pods
    assert all(ready(pod) for pod in pods)
    assert _kept(cluster, stack) == kept
    assert stack.outputs() == outputs
    assert _mark(cluster, stack) == "last: kept"
    assert stack.preview().changes == {}
