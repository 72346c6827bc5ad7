"""Finds the ways into a Kubernetes cluster: services, ingresses, gateways, and allowing network policies."""

from collections.abc import Iterator, Mapping
from typing import Any

from policy.pack.facts.objects import Object
from policy.pack.facts.openings import Opening
from policy.pack.facts.ranges import is_anywhere, is_no_range, no_range
from policy.pack.model import UNKNOWN, Path, Unclear, get, items, unclear

_ON_AWS = {
    "service.beta.kubernetes.io/aws-load-balancer-internal": ("true", "0.0.0.0/0"),
    "service.beta.kubernetes.io/aws-load-balancer-scheme": ("internal",),
}
_ON_GCP = {
    "networking.gke.io/load-balancer-type": ("Internal",),
    "cloud.google.com/load-balancer-type": ("Internal", "internal"),
}
_ON_AZURE = {"service.beta.kubernetes.io/azure-load-balancer-internal": ("true",)}
_INTERNAL: Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]] = {
    ("aws", "Service"): _ON_AWS,
    ("aws", "Ingress"): {"alb.ingress.kubernetes.io/scheme": ("internal",)},
    ("gcp", "Service"): _ON_GCP,
    ("gcp", "Ingress"): {"kubernetes.io/ingress.class": ("gce-internal",)},
    ("", "Service"): {**_ON_AWS, **_ON_GCP, **_ON_AZURE},
    ("", "Ingress"): {
        "alb.ingress.kubernetes.io/scheme": ("internal",),
        "kubernetes.io/ingress.class": ("gce-internal", "internal"),
    },
}
"""The annotations by which an object of a kind is internal on a cloud: of another kind or cloud they are
words. The empty cloud is any other cluster's, whose own cloud nobody knows."""
_INTERNAL_CLASSES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("gcp", "Ingress"): ("gce-internal",),
    ("gcp", "Gateway"): ("gke-l7-rilb", "gke-l7-rilb-mc", "gke-l7-cross-regional-internal-managed-mc"),
    ("", "Ingress"): ("gce-internal", "internal"),
    ("", "Gateway"): ("gke-l7-rilb", "gke-l7-rilb-mc", "internal"),
}
"""The classes of ingresses and gateways that are internal. On AWS the class is a name of one's own."""
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
_CLASSES = ("spec.ingressClassName", "spec.gatewayClassName")


def entrances(found: Object, cloud: str) -> Iterator[Opening | Unclear]:
    """Returns the ways in through one object of a cluster on `cloud`, and what cannot be known."""
    if (found.group, found.kind) == ("", "Service"):
        yield from _service(found, cloud)
    if (found.group, found.kind) in _ROUTERS:
        yield from _router(found, cloud)
    if found.kind == "NetworkPolicy":
        yield from _network_policy(found)
    if found.kind in ("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"):
        yield from _cilium_policy(found)


def _router(found: Object, cloud: str) -> Iterator[Opening | Unclear]:
    if not found.partial and not _is_internal(found, cloud):
        if unread := _unread_marks(found, cloud, *_CLASSES):
            yield from unread
        else:
            yield Opening((*found.path, "spec"), f"is an entrance ({found.kind})", "make it internal")


def _service(found: Object, cloud: str) -> Iterator[Opening | Unclear]:
    kind = found.get("spec.type")
    path = (*found.path, "spec", "type")
    if kind is UNKNOWN:
        yield from unclear(found.content, "spec.type", at=found.path)
    elif kind == "LoadBalancer" and not _is_internal(found, cloud):
        if unread := _unread_marks(found, cloud):
            yield from unread
        else:
            yield Opening(path, "is a public load balancer", "make it internal", "balancer")
    elif kind == "NodePort":
        yield Opening(path, "opens a port of every node (NodePort)", "make it a ClusterIP")
    if found.get("spec.externalIPs"):
        path = (*found.path, "spec", "externalIPs")
        yield Opening(path, "takes external addresses", "remove them", "balancer")


def _marks(found: Object, cloud: str) -> Mapping[str, tuple[str, ...]]:
    known = cloud if cloud in ("aws", "gcp") else ""
    return _INTERNAL.get((known, found.kind), {})


def _is_internal(found: Object, cloud: str) -> bool:
    """True if it says that it is internal, and nothing says that it is public."""
    known = cloud if cloud in ("aws", "gcp") else ""
    said = [
        str(found.annotations[key]) in values
        for key, values in _marks(found, cloud).items()
        if found.annotations.get(key) is not None
    ]
    classes = _INTERNAL_CLASSES.get((known, found.kind), ())
    said += [True for path in _CLASSES if found.get(path) in classes]
    return bool(said) and all(said)


def _unread_marks(found: Object, cloud: str, *paths: str) -> list[Unclear]:
    """Returns the unknown properties by which the object could say that it is internal."""
    if any(
        found.annotations.get(key) not in (None, UNKNOWN, *of) for key, of in _marks(found, cloud).items()
    ):
        return []  # one that is known says that it is public
    unread = unclear(found.content, "metadata", "metadata.annotations", *paths, at=found.path)
    own = (*found.path, "metadata", "annotations")
    marks = {(*own, key) for key in _marks(found, cloud)}
    above = {own[:-1], own}
    return [each for each in unread if each.path in marks | above or each.path[-2:-1] == ("spec",)]


def _network_policy(found: Object) -> Iterator[Opening | Unclear]:
    yield from unclear(found.content, "spec.ingress.from.ipBlock.cidr", at=found.path)
    for index, rule in enumerate(found.listed("spec.ingress")):
        path = (*found.path, "spec", "ingress", index)
        if isinstance(rule, Mapping) and rule.get("from") in (None, []):
            yield Opening(
                path, "lets everybody in: it has no from", "name the pods and networks that need it"
            )
        for peer in items(rule, "from"):
            yield from _range(get(peer, "ipBlock.cidr"), path)


def _cilium_policy(found: Object) -> Iterator[Opening | Unclear]:
    """A network policy of Cilium's, of one rule (`spec`) or of many (`specs`)."""
    many = [(("specs", index), each) for index, each in enumerate(found.listed("specs"))]
    for where, spec in [(("spec",), found.get("spec")), *many]:
        at = (*found.path, *where)
        ingress = "ingress.fromEntities", "ingress.fromCIDR", "ingress.fromCIDRSet.cidr"
        yield from unclear(spec, *ingress, at=at)
        for index, rule in enumerate(items(spec, "ingress")):
            path = (*at, "ingress", index)
            if {"all", "world", "world-ipv4", "world-ipv6"} & {
                str(each) for each in items(rule, "fromEntities")
            }:
                yield Opening(
                    path, "lets the world in (fromEntities)", "name the pods and networks that need it"
                )
            for cidr in [
                *items(rule, "fromCIDR"),
                *(get(each, "cidr") for each in items(rule, "fromCIDRSet")),
            ]:
                yield from _range(cidr, path)


def _range(cidr: Any, path: Path) -> Iterator[Opening | Unclear]:
    if is_anywhere(cidr):
        yield Opening(path, f"lets {cidr} in, which is everybody", "name the networks that need it")
    elif is_no_range(cidr):
        yield Unclear(path, no_range(cidr))
