"""What is reached from beyond the cluster, by a Gateway or by load balancers, and what clients are told."""

import base64
from typing import Any

import pytest
from pydantic import ValidationError

from tests.infra.kubernetes_stack import objects, run
from tests.mocked_program import Run

_GATEWAY = {"gateway": {"name": "public", "namespace": "gateways"}}
_BALANCER = {"load_balancer": {"tls_secret": "site"}}
_HOSTS = {
    "trino": "sql.example.org",
    "keycloak": "auth.example.org",
    "iceberg_catalog": "catalog.example.org",
    "object_store": "s3.example.org",
    "kafka": "kafka.example.org",
}


@pytest.fixture(scope="module")
def balanced() -> Run:
    return run({"size": "production", "expose": _HOSTS, "kubernetes": _BALANCER})


def _spec(registered: Run, name: str) -> Any:
    return objects(registered)[name].inputs["spec"]


def _pod(registered: Run, name: str) -> Any:
    return _spec(registered, name)["template"]["spec"]


def _ports(service: Any) -> dict[int, int]:
    return {int(port["port"]): int(port["targetPort"]) for port in service["ports"]}


def test_a_route_of_the_gateway_leads_to_the_component() -> None:
    hosts = {name: host for name, host in _HOSTS.items() if name != "kafka"}
    exposed = run({"expose": hosts, "kubernetes": _GATEWAY})
    found = objects(exposed)
    assert _spec(exposed, "HTTPRoute/keycloak-route")["hostnames"] == ["auth.example.org"]
    assert exposed.outputs["endpoints"]["keycloak"]["url"] == "https://auth.example.org"
    environment = _pod(exposed, "Deployment/keycloak")["containers"][0]["env"]
    assert {"name": "KC_HOSTNAME", "value": "https://auth.example.org"} in environment
    arriving = _spec(exposed, "NetworkPolicy/keycloak-from-outside")["ingress"]
    assert arriving[0]["from"] == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateways"}}}
    ]
    assert not [name for name in found if name.endswith("-edge")]


def test_each_exposed_component_has_a_load_balancer_of_its_own(balanced: Run) -> None:
    outer = {
        name
        for name, s in objects(balanced).items()
        if (s.inputs.get("spec") or {}).get("type") == "LoadBalancer"
    }
    assert outer == {
        "Service/trino-outside",
        "Service/keycloak-outside",
        "Service/iceberg-catalog-outside",
        "Service/object-store-outside",
        "Service/kafka-outside",
    }
    assert _ports(_spec(balanced, "Service/trino-outside")) == {443: 8443}
    assert _ports(_spec(balanced, "Service/kafka-outside")) == {9094: 9094, 9095: 9095, 9096: 9096}


def test_a_load_balancer_leads_to_the_edge_alone(balanced: Run) -> None:
    """It ends TLS: what is behind it would be reached without."""
    for name in ("trino", "keycloak", "iceberg-catalog", "object-store", "kafka"):
        selector = _spec(balanced, f"Service/{name}-outside")["selector"]
        assert selector["app.kubernetes.io/component"] == f"{name}-edge"


def test_an_edge_admits_everybody_and_reaches_one_port_of_one_workload(balanced: Run) -> None:
    admitted = _spec(balanced, "NetworkPolicy/trino-edge-from-outside")
    assert [[int(port["port"]) for port in rule["ports"]] for rule in admitted["ingress"]] == [[8443]]
    assert not admitted["ingress"][0].get("from")
    leaving = {
        name: _spec(balanced, name)["egress"]
        for name in objects(balanced)
        if "NetworkPolicy/kafka-edge-to" in name
    }
    (rule,) = leaving["NetworkPolicy/kafka-edge-to-kafka"]
    assert len(leaving) == 1
    assert [int(port["port"]) for port in rule["ports"]] == [9094]
    assert rule["to"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "kafka"


def test_the_certificate_is_the_sites_secret_and_in_no_state_of_ours(balanced: Run) -> None:
    pod = _pod(balanced, "Deployment/trino-edge")
    (volume,) = [each for each in pod["volumes"] if each["name"] == "certificate"]
    assert volume["secret"]["secretName"] == "site"
    assert "Secret/trino-edge-secrets" not in objects(balanced)


def test_each_broker_advertises_where_clients_outside_reach_it(balanced: Run) -> None:
    data = objects(balanced)["ConfigMap/kafka-files"].inputs["data"]
    advertised = [
        line.rpartition("OUTSIDE://")[2]
        for index in range(3)
        for line in data[f"{index}.server.properties"].splitlines()
        if line.startswith("advertised.listeners=")
    ]
    assert advertised == ["kafka.example.org:9094", "kafka.example.org:9095", "kafka.example.org:9096"]
    assert balanced.outputs["endpoints"]["kafka"] == {
        "bootstrap_servers": ",".join(advertised),
        "security_protocol": "SSL",
    }
    edge = objects(balanced)["ConfigMap/kafka-edge-files"].inputs["data"]["haproxy.cfg"]
    for index in range(3):
        assert f"server server kafka-{index}.nebula-lab.svc:9094" in edge
        selector = _spec(balanced, f"Service/kafka-{index}")["selector"]
        assert selector["statefulset.kubernetes.io/pod-name"] == f"kafka-{index}"


def test_workloads_still_use_the_inner_addresses(balanced: Run) -> None:
    secrets = objects(balanced)["Secret/trino-secrets"].inputs["data"]
    lakehouse = base64.b64decode(secrets["etc__catalog__lakehouse.properties"]).decode()
    assert "s3.endpoint=http://object-store.nebula-lab.svc:9000\n" in lakehouse
    assert "example.org" not in lakehouse


def test_what_a_client_outside_is_told_is_the_outer_address(balanced: Run) -> None:
    endpoints = balanced.outputs["endpoints"]
    assert endpoints["trino"]["url"] == "https://sql.example.org"
    assert endpoints["object_store"]["url"] == "https://s3.example.org"
    assert endpoints["iceberg_catalog"]["url"] == "https://catalog.example.org/iceberg"
    assert endpoints["keycloak"]["issuer"] == "https://auth.example.org/realms/nebula"


def test_http_goes_by_the_gateway_where_there_is_one() -> None:
    hosts = {"trino": "sql.example.org", "kafka": "kafka.example.org"}
    both = objects(run({"expose": hosts, "kubernetes": {**_GATEWAY, **_BALANCER}}))
    assert "HTTPRoute/trino-route" in both
    assert "Deployment/trino-edge" not in both
    assert "Deployment/kafka-edge" in both


@pytest.mark.parametrize(
    ("expose", "kubernetes", "message"),
    [
        ({"trino": "a.example.org"}, {}, "expose needs kubernetes.gateway"),
        ({"kafka": "a.example.org"}, _GATEWAY, "expose.kafka needs kubernetes.load_balancer"),
        ({"kafka": "a.example.org", "trino": "a.example.org"}, _BALANCER, "a host name of its own"),
    ],
)
def test_what_leads_nowhere_is_refused(
    expose: dict[str, str], kubernetes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        run({"expose": expose, "kubernetes": kubernetes})
