"""A value that is not known is no answer, wherever on the way to what a rule reads it stands."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from policy.pack.model import UNKNOWN, Path
from policy.pack.rules import RULES
from tests.policy.pack.case import PRODUCTION, pod, resource

GROUP, FIREWALL = "aws:ec2/securityGroup:SecurityGroup", "gcp:compute/firewall:Firewall"
SQL, GKE = "gcp:sql/databaseInstance:DatabaseInstance", "gcp:container/cluster:Cluster"
_POOL = {"privateClusterConfig": {"enablePrivateNodes": True}, "databaseEncryption": {"keyName": "a"}}
_SETTINGS = {"ipv4Enabled": False, "sslMode": "ENCRYPTED_ONLY"}
OPENINGS: Mapping[str, tuple[str, dict[str, Any], Path]] = {
    "a security group": (GROUP, {}, ("ingress", 0, "cidrBlocks", 0)),
    "a firewall's ranges": (FIREWALL, {"allows": [{"protocol": "tcp"}]}, ("sourceRanges", 0)),
    "a firewall's direction": (
        FIREWALL,
        {"allows": [{"protocol": "tcp"}], "sourceRanges": ["0.0.0.0/0"]},
        ("direction",),
    ),
    "a machine's address": (
        "gcp:compute/instance:Instance",
        {"bootDisk": {"kmsKeySelfLink": "a"}},
        ("networkInterfaces", 0, "accessConfigs"),
    ),
    "a database's networks": (
        SQL,
        {"encryptionKeyName": "a", "settings": {"ipConfiguration": _SETTINGS}},
        ("settings", "ipConfiguration", "authorizedNetworks", 0, "value"),
    ),
    "an API server's networks": (
        GKE,
        _POOL,
        ("masterAuthorizedNetworksConfig", "cidrBlocks", 0, "cidrBlock"),
    ),
    "a network policy": (
        "kubernetes:networking.k8s.io/v1:NetworkPolicy",
        {},
        ("spec", "ingress", 0, "from", 0, "ipBlock", "cidr"),
    ),
    "a load balancer's annotation": (
        "kubernetes:core/v1:Service",
        {"spec": {"type": "LoadBalancer"}},
        ("metadata", "annotations", "service.beta.kubernetes.io/aws-load-balancer-scheme"),
    ),
    "a service's type": ("kubernetes:core/v1:Service", {}, ("spec", "type")),
}
_TLS_ONLY = {"encryptionAtRestKmsKeyArn": "a"}
_DOMAIN = {"vpcOptions": {"subnetIds": ["a"]}, "domainEndpointOptions": {"enforceHttps": True}}
STORES: Mapping[str, tuple[str, dict[str, Any], Path]] = {
    "a machine's first disk": ("aws:ec2/instance:Instance", {}, ("rootBlockDevice", "encrypted")),
    "a template's disks": (
        "aws:ec2/launchTemplate:LaunchTemplate",
        {},
        ("blockDeviceMappings", 0, "ebs", "encrypted"),
    ),
    "a search domain": ("aws:opensearch/domain:Domain", _DOMAIN, ("encryptAtRest", "enabled")),
    "Kafka": (
        "aws:msk/cluster:Cluster",
        {"encryptionInfo": _TLS_ONLY},
        ("encryptionInfo", "encryptionInTransit", "clientBroker"),
    ),
    "a bucket": (
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        {},
        ("rules", 0, "applyServerSideEncryptionByDefault", "sseAlgorithm"),
    ),
    "a listener": ("aws:elb/loadBalancer:LoadBalancer", {"internal": True}, ("listeners", 0, "lbProtocol")),
    "a class of volumes": ("kubernetes:storage.k8s.io/v1:StorageClass", {}, ("provisioner",)),
    "a family of parameters": ("aws:rds/parameterGroup:ParameterGroup", {}, ("family",)),
}
_POD = ("spec", "template", "spec")
_MAIN = (*_POD, "containers", 0)
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
PODS: Mapping[str, tuple[str, dict[str, Any], Path]] = {
    "a context": (DEPLOYMENT, {}, (*_MAIN, "securityContext", "runAsUser")),
    "capabilities": (DEPLOYMENT, {}, (*_MAIN, "securityContext", "capabilities", "add", 0)),
    "procMount": (DEPLOYMENT, {}, (*_MAIN, "securityContext", "procMount")),
    "AppArmor": (DEPLOYMENT, {}, (*_MAIN, "securityContext", "appArmorProfile", "type")),
    "a container of Windows": (DEPLOYMENT, {}, (*_MAIN, "securityContext", "windowsOptions", "hostProcess")),
    "ports": (DEPLOYMENT, {}, (*_MAIN, "ports", 0, "hostPort")),
    "a probe": (DEPLOYMENT, {}, (*_MAIN, "livenessProbe", "httpGet", "host")),
    "a pod's user": (
        DEPLOYMENT,
        {"spec": {"template": {"spec": {"containers": []}}}},
        (*_POD, "securityContext", "runAsUser"),
    ),
    "a pod's sysctls": (
        DEPLOYMENT,
        {"spec": {"template": {"spec": {"containers": []}}}},
        (*_POD, "securityContext", "sysctls", 0, "name"),
    ),
    "a pod's annotations": (
        DEPLOYMENT,
        {"spec": {"template": {"spec": {"containers": []}}}},
        ("spec", "template", "metadata", "annotations", "container.apparmor.security.beta.kubernetes.io/a"),
    ),
}
PLACES = {**OPENINGS, **STORES, **PODS}
_CONTEXT = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
_DRIVER = {"spec": {"driver": {"podTemplate": {"spec": UNKNOWN}}}}


def _at_each_place() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for what, (token, properties, path) in PLACES.items():
        for length in range(1, len(path) + 1):
            yield f"{what}: {path[:length]}", token, _put(properties, path[:length])


def _put(node: Any, path: Path) -> Any:
    """`node` with something unknown at `path`."""
    if not path:
        return UNKNOWN
    key, *rest = path
    if isinstance(key, int):
        return [_put({}, tuple(rest))]
    return {**node, key: _put(node.get(key, {}), tuple(rest))}


def test_a_custom_resources_pod_that_is_not_known_does_not_pass() -> None:
    assert _unclear("kubernetes:a.b/v1:C", _DRIVER)


@pytest.mark.parametrize("setting", ["runAsGroup", "fsGroup"])
def test_what_restricted_leaves_free_may_be_unknown(setting: str) -> None:
    given = pod(securityContext={**_CONTEXT, setting: UNKNOWN})
    assert not _unclear(given.type, given.properties)


@pytest.mark.parametrize(("what", "token", "properties"), [*_at_each_place()], ids=str)
def test_nothing_unknown_passes_for_what_it_may_be(what: str, token: str, properties: dict[str, Any]) -> None:
    assert _unclear(token, properties)


def _unclear(token: str, properties: Mapping[str, Any]) -> list[str]:
    given = resource(token, properties)
    said = [text for rule in RULES if rule.resource for text in rule.resource(given, PRODUCTION)]
    return [text for text in said if "cannot be judged" in text]
