"""Tags, and how long what holds data lives."""

from collections.abc import Iterator, Mapping
from typing import Any

from policy.pack.model import UNKNOWN, Resource, Rule, Stack, differs, tag_name
from policy.pack.tokens import (
    AWS_BUCKET,
    AWS_BUCKET_V2,
    AWS_DATABASE,
    AWS_DATABASE_CLUSTER,
    AWS_FILE_SYSTEM,
    AWS_VOLUME,
    GCP_BUCKET,
    GCP_DATABASE,
    GCP_DISK,
    LABELLED,
    TAGGED,
)

_TAGS = ("stack", "component", "owner", "cost_centre")
_STATEFUL: Mapping[str, Mapping[str, bool]] = {
    AWS_BUCKET: {"forceDestroy": True},
    AWS_BUCKET_V2: {"forceDestroy": True},
    AWS_DATABASE: {"deletionProtection": False, "skipFinalSnapshot": True},
    AWS_DATABASE_CLUSTER: {"deletionProtection": False, "skipFinalSnapshot": True},
    AWS_VOLUME: {},
    AWS_FILE_SYSTEM: {},
    GCP_BUCKET: {"forceDestroy": True},
    GCP_DATABASE: {"deletionProtection": False},
    GCP_DISK: {},
}
"""What holds data, and what lets each be destroyed."""
_DEFAULTS: Mapping[tuple[str, str], bool] = {(GCP_DATABASE, "deletionProtection"): True}
"""What the provider takes a flag for that is not given, where that is not false."""


def required_tags(resource: Resource, stack: Stack) -> Iterator[str]:
    if resource.type in TAGGED:
        path, tags = "tags", _tags(resource, "tags", "defaultTags.tags")
    elif resource.type in LABELLED:
        path = LABELLED[resource.type]
        tags = _tags(resource, path, "defaultLabels")
    else:
        return
    if tags is None:
        return
    present = {tag_name(key) for key in tags}
    wanted = (*_TAGS, "ttl") if stack.ends else _TAGS
    if missing := [name for name in wanted if name not in present]:
        yield f"{resource.kind} has no {', '.join(missing)} among its {path}: use the stack's tag builder"


def _tags(resource: Resource, path: str, defaults: str) -> set[str] | None:
    """The names of its tags, those of its provider included; None when they are not known."""
    own: Any = resource.get(path, {})
    shared: Any = Resource("", "", properties=resource.provider).get(defaults, {})
    if own is UNKNOWN or shared is UNKNOWN:
        return None
    return {*own, *shared}


def stateful_protected(resource: Resource, stack: Stack) -> Iterator[str]:
    flags = _STATEFUL.get(resource.type)
    if flags is None:
        return
    if stack.production and not resource.protect:
        yield f"{resource.kind} holds data and is not protected: set protect in its options"
    if not stack.production and resource.protect:
        yield f"{resource.kind} is protected: a development stack must be destroyable; remove protect"
    for name, destroyable in flags.items():
        value = resource.get(name, _DEFAULTS.get((resource.type, name), False))
        wanted = destroyable is not stack.production
        if differs(value, wanted):
            why = "holds data" if stack.production else "must be destroyable in development"
            yield f"{resource.kind} {why}: set {name} to {str(wanted).lower()}"


RULES = (
    Rule(
        "required-tags",
        "Everything that can be tagged says whose it is and who pays.",
        resource=required_tags,
        development="advisory",
    ),
    Rule(
        "stateful-protected",
        "What holds data is protected in production and can be destroyed in development.",
        resource=stateful_protected,
        development="advisory",
    ),
)
