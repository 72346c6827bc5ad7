"""Ways into a cluster of Kubernetes: services, ingresses, gateways and what network policies let in."""

from collections.abc import Iterator, Mapping
from typing import Any

from policy.pack.facts.objects import Object
from policy.pack.facts.openings import Opening
from policy.pack.facts.ranges import is_anywhere
from policy.pack.model import UNKNOWN, Unclear, get, items

_INTERNAL: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "aws": {
        "service.beta.kubernetes.io/aws-load-balancer-internal": ("true", "0.0.0.0/0"),
        "service.beta.kubernetes.io/aws-load-balancer-scheme": ("internal",),
        "alb.ingress.kubernetes.io/scheme": ("internal",),
    },
    "gcp": {
        "networking.gke.io/load-balancer-type": ("Internal",),
        "cloud.google.com/load-balancer-type": ("Internal", "internal"),
        "kubernetes.io/ingress.class": ("gce-internal",),
    },
}
"""What makes a load balancer internal, on each cloud: on another it is a word."""
_ROUTERS = frozenset(
    {
        ("networking.k8s.io", "Ingress"),
        ("extensions", "Ingress"),
        ("gateway.networking.k8s.io", "Gateway"),
        ("networking.istio.io", "Gateway"),
        ("traefik.io", "IngressRoute"),
        ("traefik.io", "IngressRouteTCP"),
        ("traefik.containo.us", "IngressRoute"),
        ("route.openshift.io", "Route"),
        ("projectcontour.io", "HTTPProxy"),
    }
)
_INTERNAL_CLASSES = ("gce-internal", "gke-l7-rilb", "gke-l7-rilb-mc", "internal")


def entrances(found: Object, cloud: str) -> Iterator[Opening | Unclear]:
    """The ways in through one object in a cluster on `cloud`, and what nobody can say."""
    if (found.group, found.kind) == ("", "Service"):
        yield from _service(found, cloud)
    if (found.group, found.kind) in _ROUTERS and not found.partial and not _is_internal(found, cloud):
        yield Opening((*found.path, "spec"), f"is an entrance ({found.kind})", "make it internal")
    if found.kind == "NetworkPolicy":
        yield from _network_policy(found)


def _service(found: Object, cloud: str) -> Iterator[Opening | Unclear]:
    kind = found.get("spec.type")
    path = (*found.path, "spec", "type")
    if kind is UNKNOWN or (kind == "LoadBalancer" and found.get("metadata.annotations") is UNKNOWN):
        yield Unclear(path)
    elif kind == "LoadBalancer" and not _is_internal(found, cloud):
        yield Opening(path, "is a public load balancer", "make it internal", "balancer")
    elif kind == "NodePort":
        yield Opening(path, "opens a port of every node (NodePort)", "make it a ClusterIP")
    if found.get("spec.externalIPs"):
        path = (*found.path, "spec", "externalIPs")
        yield Opening(path, "takes external addresses", "remove them", "balancer")


def _is_internal(found: Object, cloud: str) -> bool:
    clouds = (cloud,) if cloud in _INTERNAL else tuple(_INTERNAL)
    known = ((key, values) for each in clouds for key, values in _INTERNAL[each].items())
    if any(str(found.annotations.get(key)) in values for key, values in known):
        return True
    named = (found.get("spec.ingressClassName"), found.get("spec.gatewayClassName"))
    return any(each in _INTERNAL_CLASSES for each in named)


def _network_policy(found: Object) -> Iterator[Opening | Unclear]:
    for index, rule in enumerate(found.items("spec.ingress")):
        for peer in items(rule, "from"):
            cidr: Any = get(peer, "ipBlock.cidr")
            path = (*found.path, "spec", "ingress", index)
            if cidr is UNKNOWN:
                yield Unclear(path)
            elif is_anywhere(cidr):
                yield Opening(path, f"lets {cidr} in, which is everybody", "name the networks that need it")
