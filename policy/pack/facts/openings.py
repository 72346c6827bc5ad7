"""Finds ways in from outside in clouds: open firewall rules, public addresses, public endpoints."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from policy.pack.facts.ranges import are_anywhere, is_anywhere, is_no_range, no_range
from policy.pack.model import UNKNOWN, Path, Resource, Unclear, dotted, get, items, unclear
from policy.pack.tokens import (
    AWS_CLUSTER,
    AWS_DEFAULT_SECURITY_GROUP,
    AWS_INGRESS_RULES,
    AWS_PREFIX_LIST,
    AWS_PUBLIC_PORTS,
    AWS_SEARCH_DOMAINS,
    AWS_SECURITY_GROUP,
    AWS_SECURITY_GROUP_RULE,
    FRONTS,
    GCP_APP_FIREWALL,
    GCP_CLUSTER,
    GCP_DATABASE,
    GCP_FIREWALL,
)

Openings = Iterator["Opening | Unclear"]
_NAME = "name the networks that need it"
_RANGES = frozenset(
    {"cidrBlocks", "ipv6CidrBlocks", "cidrIpv4", "cidrIpv6", "cidrs", "ipv6Cidrs", "cidr", "sourceRange"}
)
_FLAGS = frozenset(
    {
        "allowPublicAccess",
        "associatePublicIpAddress",
        "assignPublicIp",
        "createPublicIp",
        "enablePublicAccess",
        "enablePublicIp",
        "enablePublicIps",
        "ipv4Enabled",
        "isPublic",
        "isPubliclyAccessible",
        "mapPublicIpOnLaunch",
        "publicConnectivity",
        "publicEndpointEnabled",
        "publicIpEnabled",
        "publiclyAccessible",
    }
)
"""What gives something a public address, in any type."""
_PUBLIC_NETWORK = re.compile(r'"AllowFromPublic"\s*:\s*true')
"""In the policies of OpenSearch Serverless, which are JSON."""
_OF_DATABASES = frozenset({"ipv4Enabled", "publiclyAccessible"})
_ADDRESSES = frozenset({"accessConfigs", "ipv6AccessConfigs"})
_PARENTS = frozenset({"authorizedNetworks", "networkInterfaces", "portInfos"})
_PARENTS_OF = frozenset(
    {
        ("ingress", AWS_SECURITY_GROUP),
        ("ingress", AWS_DEFAULT_SECURITY_GROUP),
        ("entries", AWS_PREFIX_LIST),
        ("settings", GCP_DATABASE),
        ("ipConfiguration", GCP_DATABASE),
        ("allows", GCP_FIREWALL),
    }
)
"""Properties in which rules, networks or addresses stand, in any type or in one."""
_SOURCES = ("sourceRanges", "sourceTags", "sourceServiceAccounts")
_MATCHED = ("srcIpRanges", "srcSecureTags", "srcAddressGroups", "srcFqdns", "srcRegionCodes", "srcNetworks")


@dataclass(frozen=True)
class Opening:
    """A way in: the property at `path` opens it; the opening also says what closes it and what it leads
    to."""

    path: Path
    what: str
    remedy: str
    to: Literal["anything", "database", "balancer"] = "anything"


def openings(resource: Resource) -> Openings:
    """Returns the ways into a cloud's resource, and the properties that cannot be known."""
    if resource.package not in ("aws", "gcp"):
        return
    yield from _by_flag(resource)
    yield from _by_parent(resource)
    yield from _by_rule(resource)
    if resource.type == GCP_FIREWALL:
        yield from _by_firewall(resource.properties, (), "allows", _SOURCES)
    for path, node in resource.nodes:
        if resource.package != "gcp" or not isinstance(node, Mapping):
            continue
        if isinstance(node.get("match"), Mapping):
            yield from _by_firewall(node, path, "action", _MATCHED, ("match",))
        elif node.get("match") is UNKNOWN and str(node.get("action")).lower() == "allow":
            yield Unclear((*path, "match"))
    if resource.type == AWS_CLUSTER:
        yield from _by_eks(resource)
    if resource.type == GCP_CLUSTER:
        yield from _by_gke(resource)
    if resource.type == GCP_DATABASE and resource.get("settings.ipConfiguration.ipv4Enabled") is None:
        path = ("settings", "ipConfiguration", "ipv4Enabled")
        yield Opening(path, "gives it a public address where it is not said", "set it to false", "database")
    if resource.type in AWS_SEARCH_DOMAINS and resource.get("vpcOptions") is None:
        yield Opening(("vpcOptions",), "is missing, so its endpoint is public", "put it into a network")
    if (private := FRONTS.get(resource.type)) is not None:
        where, wanted = private
        given = resource.items(where) if where else []
        if not given or any(each not in wanted for each in given):
            yield Opening((), "is an entrance from the internet", "remove it")


def _by_flag(resource: Resource) -> Openings:
    for path, value in resource.nodes:
        key = path[-1] if path else ""
        if isinstance(value, str) and _PUBLIC_NETWORK.search(value):
            yield Opening(path, "lets everybody in (AllowFromPublic)", "name the endpoints that need it")
        if key in _FLAGS and value is UNKNOWN:
            yield Unclear(path)
        elif key in _FLAGS and str(value).lower() in ("true", "enabled"):
            to: Literal["database", "anything"] = "database" if key in _OF_DATABASES else "anything"
            yield Opening(path, "gives it a public address", "set it to false", to)
        elif key in _ADDRESSES and isinstance(value, list) and value:
            yield Opening(path, "gives it a public address", "remove it")
        elif key == "publicAccess" and get(value, "type") not in (None, "DISABLED"):
            yield Opening(path, "gives it a public address", "set its type to DISABLED")
        elif key == "authorizedNetworks" and isinstance(value, list):
            yield from _by_networks(path, value)


def _by_networks(path: Path, networks: list[Any]) -> Openings:
    """By the networks that may connect to a database of Google's."""
    yield from unclear(networks, "value", at=path)
    ranges = [get(network, "value") for network in networks]
    yield from (Unclear(path, no_range(each)) for each in ranges if is_no_range(each))
    if are_anywhere(ranges):
        yield Opening(path, "lets everybody in", _NAME, "database")


def _by_parent(resource: Resource) -> Openings:
    """What is not known and would hold rules, networks or addresses."""
    for path, value in resource.nodes:
        keys = [key for key in path if isinstance(key, str)]
        if value is not UNKNOWN or not keys:
            continue
        if keys[-1] in _ADDRESSES | _PARENTS or (keys[-1], resource.type) in _PARENTS_OF:
            yield Unclear(path)


def _by_rule(resource: Resource) -> Openings:
    """By ranges of a security group's rules, inline or of their own, and of prefix lists."""
    if resource.type == AWS_PUBLIC_PORTS:
        for index, port in enumerate(resource.items("portInfos")):
            if not any(items(port, key) for key in ("cidrs", "ipv6Cidrs", "cidrListAliases")):
                yield Opening(("portInfos", index), "lets everybody in", _NAME)
    given = [(path, value) for path, value in resource.nodes if _is_range(resource, path, value)]
    for path, value in given:
        if value is UNKNOWN:
            yield Unclear(path)
        elif is_anywhere(value):
            yield Opening(path, f"lets {value} in, which is everybody", _NAME)
        elif is_no_range(value):
            yield Unclear(path, no_range(value))
    ranges = [value for _, value in given]
    if are_anywhere(ranges) and not any(map(is_anywhere, ranges)):
        yield Opening(given[0][0][:1], "lets everybody in, together", _NAME)


def _is_range(resource: Resource, path: Path, value: Any) -> bool:
    keys = [key for key in path if isinstance(key, str)]
    leaf = not isinstance(value, (Mapping, list))
    return bool(leaf and keys and keys[-1] in _RANGES and _leads_in(resource, keys))


def _leads_in(resource: Resource, keys: list[str]) -> bool:
    """True if the range at the end of `keys` is of those that a rule lets in. Ranges of routes and of
    network ACLs are not: these are of subnets, and the security groups in them are judged."""
    if resource.type == AWS_SECURITY_GROUP_RULE:
        return bool(resource.get("type") != "egress")
    if resource.type == GCP_APP_FIREWALL:
        return str(resource.get("action")).upper() != "DENY"
    return resource.type in AWS_INGRESS_RULES or keys[0] in ("ingress", "portInfos")


def _by_firewall(
    rule: Mapping[str, Any], path: Path, allowing: str, sources: tuple[str, ...], within: Path = ()
) -> Openings:
    """By a rule of a firewall of Google's: it is of ingress, and from everywhere, unless it says so, in
    what is `within` it."""
    match = rule[str(within[0])] if within else rule
    allowed = rule.get(allowing)
    if not allowed or str(allowed).lower() in ("deny", "goto_next") or rule.get("disabled") is True:
        return
    direction = rule.get("direction") or "INGRESS"
    if direction is not UNKNOWN and str(direction).upper() != "INGRESS":
        return
    where, given = (*path, *within), items(match, sources[0])
    yield from unclear(match, sources[0], at=where)
    yield from (Unclear((*where, sources[0]), no_range(each)) for each in given if is_no_range(each))
    if all(match.get(name) in (None, []) for name in sources):
        found = Opening((*where, sources[0]), "is missing, which is everybody", _NAME)
    elif are_anywhere(given):
        found = Opening((*where, sources[0]), "lets everybody in", _NAME)
    else:
        return
    # Of one that is not known nobody can say whether it is a way in.
    unread = [key for key in (allowing, "direction", "disabled") if rule.get(key) is UNKNOWN]
    yield from (Unclear((*path, key)) for key in unread)
    if not unread:
        yield found


def _by_eks(resource: Resource) -> Openings:
    path, ranges = "vpcConfig.endpointPublicAccess", "vpcConfig.publicAccessCidrs"
    public = resource.get(path, True)
    if public is UNKNOWN or (public is not False and unclear(resource.properties, ranges)):
        yield Unclear(("vpcConfig",))
    elif public is not False:
        given = resource.items(ranges)
        yield from (Unclear(tuple(ranges.split(".")), no_range(each)) for each in given if is_no_range(each))
        if not given or are_anywhere(given):
            yield _api(ranges)


def _by_gke(resource: Resource) -> Openings:
    if resource.get("privateClusterConfig.enablePrivateEndpoint") is not True:
        networks = resource.get("masterAuthorizedNetworksConfig")
        ranges = [get(each, "cidrBlock") for each in items(networks, "cidrBlocks")]
        where = ("masterAuthorizedNetworksConfig",)
        yield from (Unclear(where, no_range(each)) for each in ranges if is_no_range(each))
        if unclear(resource.properties, "masterAuthorizedNetworksConfig.cidrBlocks.cidrBlock"):
            yield Unclear(where)
        elif networks is None or are_anywhere(ranges):
            yield _api("masterAuthorizedNetworksConfig")
        elif get(networks, "gcpPublicCidrsAccessEnabled") is True:
            yield _api("masterAuthorizedNetworksConfig.gcpPublicCidrsAccessEnabled")
    flags = ("privateClusterConfig.enablePrivateNodes", "networkConfig.enablePrivateNodes")
    if not any(resource.get(flag) is True for flag in flags):
        path = tuple(flags[0].split("."))
        yield Opening(path, "is not set: each node has a public address", "set it to true")


def _api(path: str) -> Opening:
    what = "lets everybody reach the API server"
    return Opening(tuple(path.split(".")), what, "name the networks that need it, or make it private")


def said_of(resource: Resource, opening: Opening) -> str:
    where = f": {dotted(opening.path)}" if opening.path else ""
    return f"{resource.kind} is open to the outside{where} {opening.what}; {opening.remedy}"
