"""Rules for tags, and for how long stores of data live."""

from collections.abc import Iterator, Mapping
from typing import Any

from policy.pack.facts.stores import DESTROYABLE, PROTECTED_UNLESS_SAID
from policy.pack.model import UNKNOWN, Resource, Rule, Stack, differs, tag_name, unknown
from policy.pack.tokens import LABELLED, TAGGED

_TAGS = ("stack", "component", "owner", "cost_centre")


def required_tags(resource: Resource, stack: Stack) -> Iterator[str]:
    if resource.type in TAGGED:
        path, tags = "tags", _tags(resource, "tags", "defaultTags.tags")
    elif resource.type in LABELLED:
        path = LABELLED[resource.type]
        tags = _tags(resource, path, "defaultLabels")
    else:
        return
    if tags is None:
        if stack.production:
            yield f"{resource.kind} cannot be judged: its {path} are not known before the update"
        return
    present = {tag_name(key) for key in tags}
    wanted = (*_TAGS, "ttl") if stack.ends else _TAGS
    if missing := [name for name in wanted if name not in present]:
        yield f"{resource.kind} has no {', '.join(missing)} among its {path}: use the stack's tag builder"


def _tags(resource: Resource, path: str, defaults: str) -> set[str] | None:
    """Returns the names of the resource's tags, its provider's included; None if they are unknown."""
    own: Any = resource.get(path, {})
    shared: Any = Resource("", "", properties=resource.provider).get(defaults, {})
    if own is UNKNOWN or shared is UNKNOWN:
        return None
    if not isinstance(own, Mapping) or not isinstance(shared, Mapping):
        return None
    return {*own, *shared}


def stateful_protected(resource: Resource, stack: Stack) -> Iterator[str]:
    flags = DESTROYABLE.get(resource.type)
    if flags is None:
        return
    if stack.production and not resource.protect:
        yield f"{resource.kind} holds data and is not protected: set protect in its options"
    if not stack.production and resource.protect:
        yield f"{resource.kind} is protected: a development stack must be destroyable; remove protect"
    for name, destroyable in flags.items():
        kept = name == "deletionProtection" and resource.type in PROTECTED_UNLESS_SAID
        value = resource.get(name, kept)
        wanted = destroyable is not stack.production
        if differs(value, wanted):
            why = "holds data" if stack.production else "must be destroyable in development"
            yield f"{resource.kind} {why}: set {name} to {str(wanted).lower()}"
        yield from unknown(resource, stack, name)


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
