"""Rules for unknown and unreadable properties that other rules judge."""

from collections.abc import Iterator

from policy.pack.facts.cluster_roles import unknown_roles
from policy.pack.facts.entrances import entrances
from policy.pack.facts.grants import grants
from policy.pack.facts.objects import objects
from policy.pack.facts.openings import openings
from policy.pack.facts.pods import pods
from policy.pack.facts.stores import unencrypted
from policy.pack.facts.unread import unknowns
from policy.pack.model import UNKNOWN, Resource, Rule, Stack, Unclear


def judgeable(resource: Resource, stack: Stack) -> Iterator[str]:
    for path, why in dict.fromkeys((each.path, each.reason) for each in unclear(resource, stack)):
        yield Unclear(path, why).said_of(resource)


def unclear(resource: Resource, stack: Stack) -> Iterator[Unclear]:
    """Yields what cannot be judged: documents, grantees, ranges, ports, pods and flags."""
    _, unread = grants(resource)
    yield from unread
    yield from unknown_roles(resource)
    yield from (found for found in openings(resource) if isinstance(found, Unclear))
    for each in objects(resource):
        yield from (found for found in entrances(each, stack.cloud) if isinstance(found, Unclear))
    found, unread = pods(resource)
    yield from unread
    for pod in found:
        yield from unknowns(pod)
    yield from (Unclear(path) for path, value in unencrypted(resource) if value is UNKNOWN)
    for path, value in resource.nodes:
        if value is UNKNOWN and path[-1] == "hostPath" and resource.package == "kubernetes":
            yield Unclear(path)


RULES = (
    Rule(
        "judgeable",
        "What the rules judge is known before the update, and can be read.",
        resource=judgeable,
        development="advisory",
    ),
)
