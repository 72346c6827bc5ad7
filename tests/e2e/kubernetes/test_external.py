"""The platform runs in pods on a site's own servers outside of the cluster, with TLS by the site's own
authorities."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.apps.provisioner.servers import free_port, home, private_directory, running
from tests.apps.provisioner.tls_front import tls_front
from tests.e2e.kubernetes.cluster import Cluster, ready
from tests.e2e.kubernetes.lab import ClusterStack, settings
from tests.e2e.light import EVERY
from tests.e2e.own_servers import OwnServers, own_servers
from tests.testbed.certificates import CertificateAuthority
from tests.testbed.network import NODE_ADDRESS

_GIVEN = ("postgres", "object_store", "redis")
_RUN = ("iceberg_catalog", "trino", "spark")
_BUCKETS = ("warehouse", "checkpoints", "bronze")


@dataclass(frozen=True)
class Site:
    servers: OwnServers
    redis: dict[str, Any]
    stack: ClusterStack
    cluster: Cluster
    before: frozenset[str]


@contextmanager
def _redis(address: str) -> Iterator[dict[str, Any]]:
    """Run a Redis with TLS, and yield its section of a stack file. The software table's Redis is built
    without TLS, so a listener in front of it ends TLS."""
    port, password = free_port(), secrets.token_hex(16)
    server = [str(home("redis") / "bin" / "redis-server"), "--port", str(port), "--bind", "127.0.0.1"]
    with private_directory() as directory:
        authority = CertificateAuthority(directory / "authority", "cache-authority")
        pair = authority.issue("cache", hosts=(address,))
        with (
            running([*server, "--requirepass", password, "--save", ""], directory, port),
            tls_front(port, pair, address=address) as outer,
        ):
            ca = authority.certificate.read_text()
            yield {"host": address, "port": outer, "ca": ca, "password": password}


@pytest.fixture(scope="module")
def site(cluster: Cluster) -> Iterator[Site]:
    if os.environ.get("KUBECONFIG"):
        pytest.skip("the site's servers stand on the testbed's machine, at its own address")
    with ExitStack() as at_the_end:
        servers = at_the_end.enter_context(own_servers(NODE_ADDRESS, _BUCKETS))
        redis = at_the_end.enter_context(_redis(NODE_ADDRESS))
        path = Path(tempfile.mkdtemp(prefix="nebula-"))
        at_the_end.callback(shutil.rmtree, path)
        before = frozenset(cluster.objects())
        changes = {
            "demo": True,
            "components": {name: name in (*_GIVEN, *_RUN) for name in EVERY},
            "topics": [],
            "streams": [],
            "external": {**servers.external, "redis": redis},
        }
        stack = ClusterStack("external", path, settings(cluster, **changes))
        at_the_end.callback(stack.remove)
        stack.up()
        yield Site(servers, redis, stack, cluster, before)


def test_nothing_that_was_given_has_a_pod(site: Site) -> None:
    pods = site.cluster.pods(site.stack.namespace)
    assert {pod.metadata.labels["app.kubernetes.io/component"] for pod in pods} == {
        "iceberg-catalog",
        "trino",
    }
    for pod in pods:
        assert ready(pod), pod.metadata.name


def test_the_flights_go_through_executors_in_pods_that_trust_the_sites_authority(site: Site) -> None:
    """Executors write the tables' files, the catalog what is known of them, and Trino reads both."""
    assert site.stack.outputs()["demo"]["flights"] == 336_776
    found = site.servers.minio.list_objects("warehouse", recursive=True)
    names = [item.object_name or "" for item in found]
    assert [name for name in names if name.endswith(".parquet")]
    assert [name for name in names if name.endswith(".metadata.json")]


def test_redis_was_reached_from_a_pod_and_is_handed_on(site: Site) -> None:
    (check,) = [
        pod
        for pod in site.cluster.core.list_namespaced_pod(site.stack.namespace).items
        if pod.metadata.labels["app.kubernetes.io/component"] == "external-check"
    ]
    log = str(site.cluster.core.read_namespaced_pod_log(check.metadata.name, site.stack.namespace))
    assert "nebula:platform.external.redis: logged in as default" in log
    url = f"rediss://{NODE_ADDRESS}:{site.redis['port']}"
    assert site.stack.outputs()["endpoints"]["redis"]["url"] == url


def test_a_second_preview_changes_nothing(site: Site) -> None:
    assert site.stack.preview().changes == {}


def test_destroy_leaves_the_sites_data_and_nothing_in_the_cluster(site: Site) -> None:
    site.stack.destroy()
    assert site.cluster.objects() - site.before == set()
    assert list(site.servers.minio.list_objects("warehouse", recursive=True))
