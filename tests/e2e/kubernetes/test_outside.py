"""Load balancers expose the platform, and clients outside of the cluster reach it by the addresses in its
outputs."""

import base64
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.full import eventually
from tests.e2e.kubernetes.cluster import Cluster, ready
from tests.e2e.kubernetes.lab import ClusterStack, settings
from tests.e2e.kubernetes.outside import Client, addresses
from tests.e2e.light import EVERY
from tests.testbed.certificates import CertificateAuthority
from tests.testbed.load_balancers import LoadBalancers

_HOSTS = {
    "trino": "sql.nebula.test",
    "keycloak": "auth.nebula.test",
    "iceberg_catalog": "catalog.nebula.test",
    "object_store": "s3.nebula.test",
    "kafka": "kafka.nebula.test",
}
_TOPIC = "outside"
_ROWS = [[1, "Bilbao"], [2, "Oslo"], [3, "Lyon"]]
_SECRET = "site"


@dataclass(frozen=True)
class Exposed:
    stack: ClusterStack
    cluster: Cluster
    client: Client
    before: frozenset[str]
    outputs: dict[str, Any]

    def ask(self, program: str, **more: Any) -> Any:
        return self.client.run(program, {**self.outputs, **more})


@pytest.fixture(scope="module")
def exposed(cluster: Cluster) -> Iterator[Exposed]:
    if os.geteuid() != 0:
        pytest.skip("needs root, to give a client the exposed names")
    with ExitStack() as at_the_end:
        if not os.environ.get("KUBECONFIG"):
            at_the_end.enter_context(LoadBalancers(cluster.kubeconfig))
        path = Path(tempfile.mkdtemp(prefix="nebula-"))
        at_the_end.callback(shutil.rmtree, path)
        authority = CertificateAuthority(path / "site", "site-authority")
        pair = authority.issue(_SECRET, hosts=list(_HOSTS.values()))
        namespace = "nebula-outside"
        cluster.make_namespace(namespace)
        at_the_end.callback(cluster.remove_namespace, namespace)
        held = {"tls.crt": pair.certificate, "tls.key": pair.key}
        data = {name: base64.b64encode(file.read_bytes()).decode() for name, file in held.items()}
        secret = {"metadata": {"name": _SECRET}, "type": "kubernetes.io/tls", "data": data}
        cluster.core.create_namespaced_secret(namespace, secret)
        before = frozenset(cluster.objects())
        stack = ClusterStack("outside", path, _settings(cluster, namespace))
        at_the_end.callback(stack.remove)
        stack.up()
        client = Client(addresses(cluster, namespace, _HOSTS), authority.certificate)
        yield Exposed(stack, cluster, client, before, stack.outputs())


def _settings(cluster: Cluster, namespace: str) -> dict[str, Any]:
    lab = settings(cluster)
    kubernetes = {
        **lab["kubernetes"],
        "namespace": {"name": namespace, "create": False},
        "load_balancer": {"tls_secret": _SECRET},
    }
    return {
        **lab,
        "demo": False,
        "components": {**dict.fromkeys(EVERY, False), **dict.fromkeys(("postgres", *_HOSTS), True)},
        "topics": [{"name": _TOPIC, "partitions": 6}],
        "streams": [],
        "sizing": {"kafka": {"replicas": 2}},
        "expose": _HOSTS,
        "keycloak": {"test_client": True},
        "kubernetes": kubernetes,
    }


def test_every_pod_is_ready(exposed: Exposed) -> None:
    pods = exposed.cluster.pods(exposed.stack.namespace)
    assert {f"{name}-edge".replace("_", "-") for name in _HOSTS} < {
        pod.metadata.labels["app.kubernetes.io/component"] for pod in pods
    }
    for pod in pods:
        assert ready(pod), pod.metadata.name


def test_a_producer_and_a_consumer_outside_reach_every_broker(exposed: Exposed) -> None:
    answer = exposed.ask(
        """
import json, os, sys
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
given = json.load(sys.stdin)
kafka = given["endpoints"]["kafka"]
connection = {**kafka, "bootstrap_servers": kafka["bootstrap_servers"].split(","),
              "ssl_cafile": os.environ["SSL_CERT_FILE"]}
producer = KafkaProducer(**connection, acks="all")
sent = {}
for number in range(600):
    record = producer.send(given["topic"], str(number).encode(), partition=number % 6).get(60)
    sent[number] = record.partition
producer.close()
consumer = KafkaConsumer(**connection, auto_offset_reset="earliest", enable_auto_commit=False)
known = consumer.partitions_for_topic(given["topic"])
partitions = [TopicPartition(given["topic"], number) for number in sorted(known)]
leaders = {consumer._client.cluster.leader_for_partition(p) for p in partitions}
consumer.assign(partitions)
ends, read = consumer.end_offsets(partitions), set()
while any(consumer.position(p) < ends[p] for p in partitions):
    for records in consumer.poll(1000).values():
        read |= {int(record.value) for record in records}
print(json.dumps({"read": sorted(read), "leaders": sorted(leaders)}))
""",
        topic=_TOPIC,
    )
    assert answer == {"read": list(range(600)), "leaders": [0, 1]}


def test_sql_from_outside_writes_a_table(exposed: Exposed) -> None:
    rows = exposed.ask(
        """
import json, sys
from urllib.parse import urlsplit
import trino.dbapi
given = json.load(sys.stdin)
url = urlsplit(given["endpoints"]["trino"]["url"])
with trino.dbapi.connect(host=url.hostname, port=url.port or 443, http_scheme=url.scheme, user="outside",
                         catalog="lakehouse") as connection:
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE gold.towns (id bigint, name varchar)").fetchall()
    values = ", ".join(f"({number}, '{name}')" for number, name in given["rows"])
    cursor.execute(f"INSERT INTO gold.towns VALUES {values}").fetchall()
    print(json.dumps(cursor.execute("SELECT * FROM gold.towns ORDER BY id").fetchall()))
""",
        rows=_ROWS,
    )
    assert rows == _ROWS


_PYICEBERG = """
import json, sys
from tests.e2e.full import iceberg_catalog
given = json.load(sys.stdin)
found = iceberg_catalog(given).load_table("gold.towns").scan().to_arrow()
print(json.dumps(sorted(list(row.values()) for row in found.to_pylist())))
"""


def test_pyiceberg_outside_reads_that_table(exposed: Exposed) -> None:
    """Its files too: the catalog names the object store's outer address."""
    assert exposed.ask(_PYICEBERG) == _ROWS


def test_a_token_from_outside_names_the_issuer_of_the_outputs(exposed: Exposed) -> None:
    answer = exposed.ask(
        """
import base64, json, sys
import requests
given = json.load(sys.stdin)
keycloak, login = given["endpoints"]["keycloak"], given["credentials"]["keycloak"]
document = requests.get(f"{keycloak['issuer']}/.well-known/openid-configuration", timeout=60).json()
form = {"grant_type": "password", "client_id": "nebula-test", "scope": "openid", **login}
answer = requests.post(document["token_endpoint"], data=form, timeout=60)
answer.raise_for_status()
part = answer.json()["access_token"].split(".")[1]
claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
print(json.dumps([claims["iss"], document["issuer"], document["token_endpoint"]]))
"""
    )
    issuer = exposed.outputs["endpoints"]["keycloak"]["issuer"]
    assert answer == [issuer, issuer, f"{issuer}/protocol/openid-connect/token"]


def test_s3_from_outside_lists_the_tables_files(exposed: Exposed) -> None:
    names = exposed.ask(
        """
import json, os, sys
import boto3
given = json.load(sys.stdin)
store, key = given["endpoints"]["object_store"], given["credentials"]["object_store"]
s3 = boto3.client("s3", endpoint_url=store["url"], region_name=store["region"],
                  aws_access_key_id=key["username"], aws_secret_access_key=key["password"],
                  verify=os.environ["SSL_CERT_FILE"])
bucket = store["buckets"]["warehouse"].removeprefix("s3://")
print(json.dumps([item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]))
"""
    )
    assert [name for name in names if "towns" in name and name.endswith(".parquet")]


def test_a_client_without_the_authority_is_refused(exposed: Exposed) -> None:
    answer = exposed.ask(
        """
import json, sys
import certifi, requests
given = json.load(sys.stdin)
try:
    requests.get(given["endpoints"]["trino"]["url"], verify=certifi.where(), timeout=60)
    print(json.dumps("answered"))
except requests.exceptions.SSLError:
    print(json.dumps("refused"))
"""
    )
    assert answer == "refused"


def test_destroy_leaves_what_was_in_the_namespace(exposed: Exposed) -> None:
    exposed.stack.destroy()
    # The volumes of a namespace that stays are reclaimed after their claims.
    for attempt in eventually(60):
        with attempt:
            assert exposed.cluster.objects() - exposed.before == set()
    assert f"Secret {exposed.stack.namespace}/{_SECRET}" in exposed.cluster.objects()
