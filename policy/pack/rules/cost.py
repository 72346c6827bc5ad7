"""Rules for the stack's regions and its number of machines."""

import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from policy.pack.model import UNKNOWN, Budget, Resource, Rule, Stack, Violation, get, of_types
from policy.pack.tokens import (
    AWS_DATABASE,
    AWS_INSTANCE,
    AWS_LAUNCH_TEMPLATE,
    AWS_NODE_GROUP,
    GCP_CLUSTER,
    GCP_DATABASE,
    GCP_INSTANCE,
    GCP_NODE_POOL,
)

_SMALL = (
    *("t3.*", "t3a.*", "t4g.*", "m[5-8]*.large", "m[5-8]*.xlarge", "r[5-8]*.large", "r[5-8]*.xlarge"),
    *("db.t3.*", "db.t4g.*", "db.m[5-8]*.large"),
    *("e2-*", "n2-standard-[248]", "n4-standard-[248]", "n2d-standard-[248]"),
    *("db-f1-micro", "db-g1-small", "db-custom-[1-4]-*", "db-perf-optimized-N-[24]"),
)
_LARGE = (
    *_SMALL,
    *("[mrci][5-8]*.2xlarge", "[mrci][5-8]*.4xlarge", "[ci][5-8]*.large", "[ci][5-8]*.xlarge"),
    *("db.m[5-8]*.*xlarge", "db.r[5-8]*.large", "db.r[5-8]*.*xlarge"),
    *("[nc][2-4]*-*-[248]", "[nc][2-4]*-*-16", "[nc][2-4]*-*-32"),
    *("db-custom-*", "db-perf-optimized-N-*"),
)
BUDGETS: Mapping[str, Budget] = {
    "laptop": Budget(instances=6, types=_SMALL),
    "small": Budget(instances=12, types=_SMALL),
    "production": Budget(instances=40, types=_LARGE),
}
"""What a stack of each size may use unless its file says otherwise."""
_TYPES = {
    AWS_NODE_GROUP: "instanceTypes",
    AWS_INSTANCE: "instanceType",
    AWS_LAUNCH_TEMPLATE: "instanceType",
    AWS_DATABASE: "instanceClass",
    GCP_NODE_POOL: "nodeConfig.machineType",
    GCP_INSTANCE: "machineType",
    GCP_DATABASE: "settings.tier",
}
_REGIONAL_ZONES = 3
_AWS_ZONE = re.compile(r"^([a-z]{2}(-[a-z]+)+-\d)[a-z]$")
_GCP_ZONE = re.compile(r"^([a-z]+-[a-z]+\d+)-[a-z]$")


def instance_budget(resources: Sequence[Resource], stack: Stack) -> Iterator[Violation]:
    budget = stack.budget or BUDGETS.get(stack.size, BUDGETS["production"])
    counted = [(found, instances(found, resources)) for found in resources]
    total = sum(count for _, count in counted)
    if total > budget.instances:
        largest = ", ".join(f"{found.kind}: {count}" for found, count in counted if count)
        yield Violation(f"up to {total} machines ({largest}), {budget.instances} are in the stack's budget")
    for found in resources:
        for name in found.items(_TYPES[found.type]) if found.type in _TYPES else ():
            if not any(fnmatchcase(str(name), pattern) for pattern in budget.types):
                yield Violation(f"{found.kind} is a {name}, which is not in the stack's budget", found.urn)


def instances(resource: Resource, resources: Sequence[Resource]) -> int:
    """Returns the number of machines that a resource may grow to."""
    match resource.type:
        case _ if resource.type in (AWS_INSTANCE, GCP_INSTANCE):
            return 1
        case _ if resource.type == AWS_NODE_GROUP:
            return _number(resource.get("scalingConfig.maxSize", 1))
        case _ if resource.type == GCP_NODE_POOL:
            if whole := _number(resource.get("autoscaling.totalMaxNodeCount", 0)):
                return whole
            each = resource.get("autoscaling.maxNodeCount", resource.get("nodeCount", 1))
            return _number(each) * _zones(resource, resources)
    return 0


def _zones(pool: Resource, resources: Sequence[Resource]) -> int:
    """Returns the zones of a node pool: its own, or those of its cluster."""
    clusters = [each for each in of_types(resources, GCP_CLUSTER) if each.urn in pool.uses.get("cluster", ())]
    for found in (pool, *clusters):
        if named := found.items("nodeLocations"):
            return len(named)
    return 1 if _GCP_ZONE.match(str(pool.get("location", ""))) else _REGIONAL_ZONES


def _number(value: Any) -> int:
    return 0 if value is UNKNOWN else int(value)


def allowed_regions(resource: Resource, stack: Stack) -> Iterator[str]:
    if resource.package not in ("aws", "gcp") or not stack.regions:
        return
    for region in _regions(resource):
        if region.lower() not in stack.regions:
            allowed = ", ".join(sorted(stack.regions))
            yield f"{resource.kind} is in {region}: the stack may use {allowed}"


def _regions(resource: Resource) -> set[str]:
    """Returns the regions of a resource, by its own properties or its provider's. Google's multi-regions
    keep their names (`EU`); a global resource has none."""
    paths = ("region", "location", "zone", "availabilityZone")
    given = [value for path in paths if isinstance(value := resource.get(path), str) and value]
    if not given and isinstance(default := get(resource.provider, "region"), str):
        given = [default]
    found = set()
    for place in given:
        zone = _AWS_ZONE.match(place) or _GCP_ZONE.match(place)
        found.add(zone[1] if zone else place)
    return {place for place in found if place.lower() != "global"}


RULES = (
    Rule(
        "instance-budget",
        "Machines are of the types and the number that the stack's budget has.",
        stack=instance_budget,
        development="advisory",
    ),
    Rule(
        "allowed-regions",
        "Everything is in the regions that the stack may use.",
        resource=allowed_regions,
    ),
)
