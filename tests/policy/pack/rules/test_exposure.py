"""What the internet may reach."""

from dataclasses import replace

import pytest

from policy.pack.model import UNKNOWN, Resource, Stack
from tests.policy.pack.case import DEVELOPMENT, Case, ids, resource

SERVICE, LB = "kubernetes:core/v1:Service", "aws:lb/loadBalancer:LoadBalancer"
FORWARDING = "gcp:compute/forwardingRule:ForwardingRule"
EXPOSED = Stack(cloud="aws", exposed=frozenset({"iceberg_catalog"}))
LABELS = {"app.kubernetes.io/component": "iceberg-catalog"}


def _service(annotations: dict[str, str] | None = None, **spec: object) -> dict[str, object]:
    return {"metadata": {"labels": LABELS, "annotations": annotations or {}}, "spec": spec}


_INTERNAL = {"service.beta.kubernetes.io/aws-load-balancer-scheme": "internal"}
_RULE = "no-public-load-balancer"


def _rule(**sources: object) -> dict[str, object]:
    return {"ingress": [{"protocol": "tcp", "fromPort": 22, "toPort": 22, **sources}]}


def _sql(network: dict[str, str]) -> dict[str, object]:
    return {"settings": {"ipConfiguration": {"ipv4Enabled": False, "authorizedNetworks": [network]}}}


def _gke(**more: object) -> dict[str, object]:
    return {"privateClusterConfig": {"enablePrivateNodes": True}, **more}


def _firewall(**more: object) -> dict[str, object]:
    return {"allows": [{"protocol": "tcp"}], **more}


def _policy_rule(**match: object) -> dict[str, object]:
    return {"action": "allow", "direction": "INGRESS", "match": match}


_OPEN, _DB, _UNSEEN = "no-open-ingress", "no-public-database", "no-unseen-resources"
_PUBLIC = {"publiclyAccessible": True}
_SQL = "gcp:sql/databaseInstance:DatabaseInstance"
GROUP, GROUP_RULE = "aws:ec2/securityGroup:SecurityGroup", "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EKS, GKE = "aws:eks/cluster:Cluster", "gcp:container/cluster:Cluster"
FIREWALL = "gcp:compute/firewall:Firewall"
POLICY_RULE = "gcp:compute/networkFirewallPolicyRule:NetworkFirewallPolicyRule"
INGRESS, GATEWAY = (
    "kubernetes:networking.k8s.io/v1:Ingress",
    "kubernetes:gateway.networking.k8s.io/v1:Gateway",
)
_OF_GOOGLE = {"networking.gke.io/load-balancer-type": "Internal"}
_FROM_ALL = {"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}
_ROUTED = {"metadata": {"labels": LABELS}, "spec": {}}
ON_GCP = Stack(cloud="gcp")
OPEN = [
    Case(_OPEN, "inline, all of IPv4", (resource(GROUP, _rule(cidrBlocks=["0.0.0.0/0"])),), 1),
    Case(_OPEN, "inline, all of IPv6", (resource(GROUP, _rule(ipv6CidrBlocks=["::/0"])),), 1),
    Case(_OPEN, "inline, two halves", (resource(GROUP, _rule(cidrBlocks=["0.0.0.0/1", "128.0.0.0/1"])),), 2),
    Case(_OPEN, "a rule", (resource(GROUP_RULE, {"type": "ingress", "ipv6CidrBlocks": ["::/0"]}),), 1),
    Case(_OPEN, "a rule of IPv4", (resource(INGRESS_RULE, {"cidrIpv4": "0.0.0.0/0"}),), 1),
    Case(_OPEN, "a rule of IPv6", (resource(INGRESS_RULE, {"cidrIpv6": "::/0"}),), 1),
    Case(
        _OPEN,
        "a prefix list",
        (resource("aws:ec2/managedPrefixList:ManagedPrefixList", {"entries": [{"cidr": "0.0.0.0/0"}]}),),
        1,
    ),
    Case(
        _OPEN,
        "a machine's address",
        (resource("aws:ec2/instance:Instance", {"associatePublicIpAddress": True}),),
        1,
    ),
    Case(_OPEN, "a subnet's", (resource("aws:ec2/subnet:Subnet", {"mapPublicIpOnLaunch": True}),), 1),
    Case(
        _OPEN,
        "a template's, as text",
        (
            resource(
                "aws:ec2/launchTemplate:LaunchTemplate",
                {"networkInterfaces": [{"associatePublicIpAddress": "true"}]},
            ),
        ),
        1,
    ),
    Case(
        _OPEN,
        "a machine's address on Google Cloud",
        (resource("gcp:compute/instance:Instance", {"networkInterfaces": [{"accessConfigs": [{}]}]}),),
        1,
    ),
    Case(_OPEN, "EKS says nothing", (resource(EKS, {"vpcConfig": {}}),), 1),
    Case(_OPEN, "EKS for all", (resource(EKS, {"vpcConfig": {"publicAccessCidrs": ["0.0.0.0/0"]}}),), 1),
    Case(_OPEN, "GKE without networks", (resource(GKE, _gke()),), 1),
    Case(
        _OPEN,
        "GKE for all",
        (resource(GKE, _gke(masterAuthorizedNetworksConfig={"cidrBlocks": [{"cidrBlock": "0.0.0.0/0"}]})),),
        1,
    ),
    Case(_OPEN, "GKE with public nodes", (resource(GKE, {"masterAuthorizedNetworksConfig": {}}),), 1),
    Case(_OPEN, "a firewall", (resource(FIREWALL, _firewall(sourceRanges=["0.0.0.0/0"])),), 1),
    Case(_OPEN, "a firewall without sources", (resource(FIREWALL, _firewall()),), 1),
    Case(_OPEN, "a firewall's policy", (resource(POLICY_RULE, _policy_rule(srcIpRanges=["::/0"])),), 1),
    Case(_OPEN, "a distribution", (resource("aws:cloudfront/distribution:Distribution"),), 1),
    Case(_OPEN, "a node's port", (resource(SERVICE, _service(type="NodePort")),), 1),
    Case(_OPEN, "an ingress", (resource(INGRESS, _ROUTED),), 1),
    Case(_OPEN, "a gateway", (resource(GATEWAY, _ROUTED),), 1),
    Case(
        _OPEN,
        "a list",
        (resource("kubernetes:core/v1:ServiceList", {"items": [_service(type="NodePort")]}),),
        1,
    ),
    Case(_OPEN, "a patch", (resource("kubernetes:core/v1:ServicePatch", _service(type="NodePort")),), 1),
    Case(
        _OPEN,
        "a network policy",
        (resource("kubernetes:networking.k8s.io/v1:NetworkPolicy", {"spec": {"ingress": [_FROM_ALL]}}),),
        1,
    ),
    Case(_RULE, "another cloud's word", (resource(SERVICE, _service(_OF_GOOGLE, type="LoadBalancer")),), 1),
    Case(
        _RULE,
        "a list of services",
        (resource("kubernetes:core/v1:ServiceList", {"items": [_service(type="LoadBalancer")]}),),
        1,
    ),
]
OPEN += [
    Case(
        _OPEN,
        "in many parts",
        (resource(FIREWALL, _firewall(sourceRanges=[f"{i}.0.0.0/8" for i in range(256)])),),
        1,
    ),
    Case(
        _OPEN,
        "a search collection",
        (
            resource(
                "aws:opensearch/serverlessSecurityPolicy:ServerlessSecurityPolicy",
                {"policy": '[{"AllowFromPublic": true}]'},
            ),
        ),
        1,
    ),
    Case(_RULE, "addresses not known", (resource(SERVICE, _service(externalIPs=[UNKNOWN])),), 1),
]
CLOSED_TO_ALL = [
    Case(_OPEN, "a network", (resource(GROUP, _rule(cidrBlocks=["10.0.0.0/8", "203.0.113.0/24"])),)),
    Case(_OPEN, "what goes out", (resource(GROUP, {"egress": [{"cidrBlocks": ["0.0.0.0/0"]}]}),)),
    Case(
        _OPEN,
        "a rule that goes out",
        (resource(GROUP_RULE, {"type": "egress", "cidrBlocks": ["0.0.0.0/0"]}),),
    ),
    Case(_OPEN, "a route", (resource("aws:ec2/route:Route", {"destinationCidrBlock": "0.0.0.0/0"}),)),
    Case(_OPEN, "private addresses of IPv6", (resource(INGRESS_RULE, {"cidrIpv6": "fc00::/7"}),)),
    Case(_OPEN, "a closed rule", (resource(FIREWALL, {"denies": [{"protocol": "all"}]}),)),
    Case(_OPEN, "a firewall for tags", (resource(FIREWALL, _firewall(sourceTags=["web"])),)),
    Case(_OPEN, "what goes out there", (resource(FIREWALL, _firewall(direction="EGRESS")),)),
    Case(_OPEN, "a policy that denies", (resource(POLICY_RULE, {**_policy_rule(), "action": "deny"}),)),
    Case(_OPEN, "private EKS", (resource(EKS, {"vpcConfig": {"endpointPublicAccess": False}}),)),
    Case(_OPEN, "EKS for some", (resource(EKS, {"vpcConfig": {"publicAccessCidrs": ["192.0.2.0/24"]}}),)),
    Case(_OPEN, "GKE for some", (resource(GKE, _gke(masterAuthorizedNetworksConfig={})),)),
    Case(_OPEN, "an exposed ingress", (resource(INGRESS, _ROUTED),), stack=EXPOSED),
    Case(_OPEN, "an exposed gateway", (resource(GATEWAY, _ROUTED),), stack=EXPOSED),
    Case(
        _OPEN,
        "an internal ingress",
        (resource(INGRESS, {"metadata": {"annotations": {"alb.ingress.kubernetes.io/scheme": "internal"}}}),),
    ),
    Case(_OPEN, "a cluster's own service", (resource(SERVICE, _service(type="ClusterIP")),)),
    Case(
        _RULE,
        "its own cloud's word",
        (resource(SERVICE, _service(_OF_GOOGLE, type="LoadBalancer")),),
        stack=ON_GCP,
    ),
]

_ALB, _CLASSIC = "alb.ingress.kubernetes.io/scheme", "service.beta.kubernetes.io/aws-load-balancer-internal"
_NLB = "service.beta.kubernetes.io/aws-load-balancer-scheme"
_AZURE = {"service.beta.kubernetes.io/azure-load-balancer-internal": "true"}
_CLASS = "kubernetes.io/ingress.class"
ON_ANY = Stack(cloud="kubernetes")
POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
CILIUM = "kubernetes:cilium.io/v2:CiliumNetworkPolicy"


def _balancer(**annotations: str) -> tuple[Resource]:
    return (resource(SERVICE, _service(annotations, type="LoadBalancer")),)


def _ingress(annotations: dict[str, str] | None = None, **spec: object) -> tuple[Resource]:
    return (resource(INGRESS, _service(annotations, **spec)),)


def _lets_in(*rules: object) -> tuple[Resource]:
    return (resource(POLICY, {"spec": {"ingress": list(rules)}}),)


def _cilium(**rule: object) -> tuple[Resource]:
    return (resource(CILIUM, {"spec": {"ingress": [rule]}}),)


def _ranges(*blocks: list[str]) -> tuple[Resource]:
    return (resource(GROUP, {"ingress": [{"cidrBlocks": block} for block in blocks]}),)


_EVERY_SECOND = [f"{i}.0.0.0/8" for i in range(1, 224, 2)]
_PRIVILEGED = {"privileged": True}
UNSEEN = [
    Case(_UNSEEN, "another SDK of AWS", (resource("aws-native:s3:Bucket"),), 1),
    Case(_UNSEEN, "a command", (resource("command:local:Command", {"create": "true"}),), 1),
    Case(_UNSEEN, "a container", (resource("docker:index/container:Container", _PRIVILEGED),), 1),
    Case(_UNSEEN, "a dynamic resource", (resource("pulumi-python:dynamic:Resource"),), 1),
    Case(_UNSEEN, "an image", (resource("docker:index/image:Image"),)),
    Case(_UNSEEN, "the platform's own", (resource("nebula-local:index:Process"),)),
    Case(_UNSEEN, "a component of one's own", (replace(resource("acme:index:Lake"), is_component=True),)),
]
INSIDE = [
    Case(_RULE, "an ingress' word", _balancer(**{_ALB: "internal"}), 1),
    Case(_RULE, "a public scheme beside", _balancer(**{_NLB: "internet-facing", _CLASSIC: "true"}), 1),
    Case(_RULE, "a class of ingresses", _balancer(**{_CLASS: "gce-internal"}), 1, stack=ON_GCP),
    Case(_RULE, "an internal one by the older word", _balancer(**{_CLASSIC: "true"})),
    Case(_RULE, "an internal one of Azure", _balancer(**_AZURE), stack=ON_ANY),
    Case(_RULE, "Azure's word on AWS", _balancer(**_AZURE), 1),
    Case(_OPEN, "a service's word", _ingress(_OF_GOOGLE), 1, stack=ON_GCP),
    Case(_OPEN, "a service's word on AWS", _ingress({_CLASSIC: "true", _ALB: "internet-facing"}), 1),
    Case(_OPEN, "a class that is called internal", _ingress(ingressClassName="internal"), 1),
    Case(_OPEN, "a class of Google's", _ingress({_CLASS: "gce-internal"}), stack=ON_GCP),
    Case(_OPEN, "no from", _lets_in({}), 1),
    Case(_OPEN, "ports for all", _lets_in({"ports": [{"port": 8443}]}, {"from": []}), 2),
    Case(_OPEN, "ports for some", _lets_in({"ports": [{"port": 8443}], "from": [{"podSelector": {}}]})),
    Case(_OPEN, "nothing let in", _lets_in()),
    Case(_OPEN, "the world", _cilium(fromEntities=["world"]), 1),
    Case(_OPEN, "the world as a range", _cilium(fromCIDRSet=[{"cidr": "0.0.0.0/0"}]), 1),
    Case(_OPEN, "the cluster", _cilium(fromEntities=["cluster"])),
    Case(_OPEN, "every second range", _ranges(_EVERY_SECOND), 1),
    Case(_OPEN, "every second, over two rules", _ranges(_EVERY_SECOND[:1], _EVERY_SECOND[1:2]), 1),
    Case(
        _OPEN,
        "a private API",
        (resource("aws:apigateway/restApi:RestApi", {"endpointConfiguration": {"types": ["PRIVATE"]}}),),
    ),
    Case(_OPEN, "private networks", _ranges(["10.0.0.0/8", "172.16.0.0/12"], ["192.168.0.0/16"])),
]
CASES = [
    Case(_RULE, "a public service", (resource(SERVICE, _service(type="LoadBalancer")),), 1),
    Case(_RULE, "external addresses", (resource(SERVICE, _service(externalIPs=["192.0.2.1"])),), 1),
    Case(_RULE, "a cluster's own service", (resource(SERVICE, _service(type="ClusterIP")),)),
    Case(_RULE, "an internal service", (resource(SERVICE, _service(_INTERNAL, type="LoadBalancer")),)),
    Case(_RULE, "exposed", (resource(SERVICE, _service(type="LoadBalancer")),), stack=EXPOSED),
    Case(_RULE, "an AWS load balancer", (resource(LB),), 1),
    Case(
        _RULE, "its tag, exposed", (resource(LB, {"tags": {"Component": "iceberg_catalog"}}),), stack=EXPOSED
    ),
    Case(_RULE, "an internal one", (resource(LB, {"internal": True}),)),
    Case(_RULE, "not known yet", (resource(LB, {"internal": UNKNOWN}),), 1),
    Case(_RULE, "not known yet, in development", (resource(LB, {"internal": UNKNOWN}),), stack=DEVELOPMENT),
    Case(_RULE, "a GCP forwarding rule", (resource(FORWARDING),), 1),
    Case(_RULE, "an internal one of GCP", (resource(FORWARDING, {"loadBalancingScheme": "INTERNAL"}),)),
    Case(
        "no-public-database", "RDS", (resource("aws:rds/instance:Instance", {"publiclyAccessible": True}),), 1
    ),
    Case("no-public-database", "private RDS", (resource("aws:rds/instance:Instance"),)),
    Case("no-public-database", "Cloud SQL", (resource("gcp:sql/databaseInstance:DatabaseInstance"),), 1),
    Case(
        "no-public-database",
        "private Cloud SQL",
        (
            resource(
                "gcp:sql/databaseInstance:DatabaseInstance",
                {"settings": {"ipConfiguration": {"ipv4Enabled": False}}},
            ),
        ),
    ),
    Case(_DB, "a cluster's machine", (resource("aws:rds/clusterInstance:ClusterInstance", _PUBLIC),), 1),
    Case(_DB, "a warehouse", (resource("aws:redshift/cluster:Cluster", _PUBLIC),), 1),
    Case(_DB, "networks of everybody", (resource(_SQL, _sql({"value": "0.0.0.0/0"})),), 1),
    Case(_DB, "a network", (resource(_SQL, _sql({"value": "192.0.2.0/24"})),)),
    Case(_UNSEEN, "a release of Helm's", (resource("kubernetes:helm.sh/v3:Release"),), 1),
    Case(_UNSEEN, "CloudFormation", (resource("aws:cloudformation/stack:Stack"),), 1),
    Case(_UNSEEN, "a service", (resource(SERVICE),)),
    *UNSEEN,
    *OPEN,
    *INSIDE,
    *CLOSED_TO_ALL,
]


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_only_what_is_exposed_can_be_reached(case: Case) -> None:
    assert len(case.messages()) == case.violations
