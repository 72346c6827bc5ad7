"""Ways in from outside, on the clouds: open rules, public addresses, public endpoints."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from policy.pack.facts.ranges import are_anywhere, is_anywhere, is_no_range, no_range
from policy.pack.model import UNKNOWN, Path, Resource, Unclear, dotted, get, items
from policy.pack.tokens import (
    AWS_CLUSTER,
    AWS_INGRESS_RULES,
    AWS_PUBLIC_PORTS,
    AWS_SEARCH_DOMAINS,
    AWS_SECURITY_GROUP_RULE,
    FRONTS,
    GCP_APP_FIREWALL,
    GCP_CLUSTER,
    GCP_DATABASE,
    GCP_FIREWALL,
)

Found = Iterator["Opening | Unclear"]
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
_SOURCES = ("sourceRanges", "sourceTags", "sourceServiceAccounts")
_MATCHED = ("srcIpRanges", "srcSecureTags", "srcAddressGroups", "srcFqdns", "srcRegionCodes", "srcNetworks")


@dataclass(frozen=True)
class Opening:
    """A way in: what is open at `path`, what closes it, and what it leads to."""

    path: Path
    what: str
    remedy: str
    to: Literal["anything", "database", "balancer"] = "anything"


def openings(resource: Resource) -> Found:
    """The ways into a resource of a cloud, and the properties of which nobody can say."""
    if resource.package not in ("aws", "gcp"):
        return
    yield from _by_flag(resource)
    yield from _by_rule(resource)
    if resource.type == GCP_FIREWALL:
        yield from _by_firewall(resource.properties, (), "allows", _SOURCES, resource.properties)
    for path, node in resource.nodes:
        if resource.package == "gcp" and isinstance(node, Mapping) and isinstance(node.get("match"), Mapping):
            yield from _by_firewall(node, path, "action", _MATCHED, node["match"])
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
        if not where or resource.get(where) not in wanted:
            yield Opening((), "is an entrance from the internet", "remove it")


def _by_flag(resource: Resource) -> Found:
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
            for network in value:
                if not is_anywhere(get(network, "value")):
                    continue
                yield Opening(path, "lets everybody in", "name the networks that need it", "database")


def _by_rule(resource: Resource) -> Found:
    """By ranges of a security group's rules, inline or of their own, and of prefix lists."""
    if resource.type == AWS_PUBLIC_PORTS:
        for index, port in enumerate(resource.items("portInfos")):
            if not any(items(port, key) for key in ("cidrs", "ipv6Cidrs", "cidrListAliases")):
                yield Opening(("portInfos", index), "lets everybody in", "name the networks that need it")
    given = [(path, value) for path, value in resource.nodes if _is_range(resource, path, value)]
    for path, value in given:
        if value is UNKNOWN:
            yield Unclear(path)
        elif is_anywhere(value):
            yield Opening(path, f"lets {value} in, which is everybody", "name the networks that need it")
        elif is_no_range(value):
            yield Unclear(path, no_range(value))
    ranges = [value for _, value in given]
    if are_anywhere(ranges) and not any(map(is_anywhere, ranges)):
        yield Opening(given[0][0][:1], "lets everybody in, together", "name the networks that need it")


def _is_range(resource: Resource, path: Path, value: Any) -> bool:
    keys = [key for key in path if isinstance(key, str)]
    leaf = not isinstance(value, (Mapping, list))
    return bool(leaf and keys and keys[-1] in _RANGES and _leads_in(resource, keys))


def _leads_in(resource: Resource, keys: list[str]) -> bool:
    """Whether the range at the end of `keys` is of those that a rule lets in. Ranges of routes and of
    network ACLs are not: these are of subnets, and the security groups in them are judged."""
    if resource.type == AWS_SECURITY_GROUP_RULE:
        return bool(resource.get("type") != "egress")
    if resource.type == GCP_APP_FIREWALL:
        return str(resource.get("action")).upper() != "DENY"
    return resource.type in AWS_INGRESS_RULES or keys[0] in ("ingress", "portInfos")


def _by_firewall(
    rule: Mapping[str, Any], path: Path, allowing: str, sources: tuple[str, ...], match: Mapping[str, Any]
) -> Found:
    """By a rule of a firewall of Google's: it is of ingress, and from everywhere, unless it says."""
    allowed = rule.get(allowing)
    if not allowed or str(allowed).lower() in ("deny", "goto_next") or rule.get("disabled") is True:
        return
    if str(rule.get("direction") or "INGRESS").upper() != "INGRESS":
        return
    if all(match.get(name) in (None, []) for name in sources):
        yield Opening((*path, sources[0]), "is missing, which is everybody", "name the networks that need it")
    ranges = match.get(sources[0])
    if ranges is UNKNOWN or (isinstance(ranges, list) and UNKNOWN in ranges):
        yield Unclear((*path, sources[0]))
    if are_anywhere(items(match, sources[0])):
        yield Opening((*path, sources[0]), "lets everybody in", "name the networks that need it")


def _by_eks(resource: Resource) -> Found:
    path, ranges = "vpcConfig.endpointPublicAccess", "vpcConfig.publicAccessCidrs"
    public = resource.get(path, True)
    if public is UNKNOWN or resource.get(ranges) is UNKNOWN:
        yield Unclear(("vpcConfig",))
    elif public is True:
        given = resource.items(ranges)
        if not given or are_anywhere(given):
            yield _api(ranges)


def _by_gke(resource: Resource) -> Found:
    if resource.get("privateClusterConfig.enablePrivateEndpoint") is not True:
        networks = resource.get("masterAuthorizedNetworksConfig")
        ranges = [get(each, "cidrBlock") for each in items(networks, "cidrBlocks")]
        if networks is UNKNOWN or UNKNOWN in ranges:
            yield Unclear(("masterAuthorizedNetworksConfig",))
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
