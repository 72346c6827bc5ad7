"""Rules for what the internet may reach: only what the stack file lists in `expose`."""

from collections.abc import Iterator
from typing import Literal

from policy.pack.facts.entrances import entrances
from policy.pack.facts.objects import objects
from policy.pack.facts.openings import Opening, openings, said_of
from policy.pack.model import UNKNOWN, Resource, Rule, Stack, differs, unknown
from policy.pack.tokens import (
    AWS_LOAD_BALANCER,
    AWS_LOAD_BALANCER_ALB,
    AWS_LOAD_BALANCER_CLASSIC,
    GCP_FORWARDING_RULE,
    GCP_GLOBAL_FORWARDING_RULE,
    KNOWN,
    UNSEEN,
)


def no_public_load_balancer(resource: Resource, stack: Stack) -> Iterator[str]:
    what = resource.component or "a component by its label"
    if not stack.exposes(resource.component):
        if _is_public(resource):
            yield f"{resource.kind} is public: make it internal, or list {what} in expose"
        if resource.type in (AWS_LOAD_BALANCER, AWS_LOAD_BALANCER_ALB, AWS_LOAD_BALANCER_CLASSIC):
            yield from unknown(resource, stack, "internal")
        if resource.type in (GCP_FORWARDING_RULE, GCP_GLOBAL_FORWARDING_RULE):
            yield from unknown(resource, stack, "loadBalancingScheme")
    yield from _into_clusters(resource, stack, "balancer")


def _is_public(resource: Resource) -> bool:
    match resource.type:
        case _ if resource.type in (AWS_LOAD_BALANCER, AWS_LOAD_BALANCER_ALB, AWS_LOAD_BALANCER_CLASSIC):
            return differs(resource.get("internal", False), True)
        case _ if resource.type in (GCP_FORWARDING_RULE, GCP_GLOBAL_FORWARDING_RULE):
            scheme = resource.get("loadBalancingScheme", "EXTERNAL")
            return scheme is not UNKNOWN and str(scheme).startswith("EXTERNAL")
    return False


def no_open_ingress(resource: Resource, stack: Stack) -> Iterator[str]:
    if not stack.exposes(resource.component):
        yield from _said(resource, "anything")
    yield from _into_clusters(resource, stack, "anything")


def no_public_database(resource: Resource, stack: Stack) -> Iterator[str]:
    yield from _said(resource, "database")


def _said(resource: Resource, to: Literal["anything", "database"]) -> Iterator[str]:
    for found in openings(resource):
        if isinstance(found, Opening) and found.to == to:
            yield said_of(resource, found)


def _into_clusters(resource: Resource, stack: Stack, to: Literal["anything", "balancer"]) -> Iterator[str]:
    for each in objects(resource):
        if stack.exposes(each.component):
            continue
        what = each.component or "a component by its label"
        for found in entrances(each, stack.cloud):
            if isinstance(found, Opening) and found.to == to:
                yield f"{each.called(resource)} {found.what}: {found.remedy}, or list {what} in expose"


def no_unseen_resources(resource: Resource, stack: Stack) -> Iterator[str]:
    if (remedy := UNSEEN.get(resource.type)) is not None:
        yield f"{resource.kind} makes resources that no rule sees: {remedy}"
    elif not resource.is_component and not KNOWN.match(resource.type):
        what = f"is of the package {resource.package}, which no rule knows"
        yield f"{resource.kind} {what}: write it with aws, gcp or kubernetes"


RULES = (
    Rule(
        "no-public-load-balancer",
        "A load balancer is internal unless its component is listed in expose.",
        resource=no_public_load_balancer,
    ),
    Rule(
        "no-open-ingress",
        "Nothing else is open to everybody unless its component is listed in expose.",
        resource=no_open_ingress,
    ),
    Rule("no-public-database", "A database has no public address.", resource=no_public_database),
    Rule(
        "no-unseen-resources",
        "Every resource is one that the rules are shown.",
        resource=no_unseen_resources,
        development="advisory",
    ),
)
