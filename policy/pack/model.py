"""Defines what a rule sees and returns: Resource, Stack, Rule, Violation."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

Path = tuple[str | int, ...]
"""Where a value stands in a resource's properties: keys, and places in lists."""


class Unknown:
    """A value that a preview cannot know. If a rule needs it, that is a violation in production."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Resource:
    """A resource as the program registers it. `properties` are its inputs (a stack rule sees outputs),
    `provider` those of its provider, `uses` maps a property to the URNs that its value comes from, and
    `secrets` is where the engine says that a secret is. One that `is_component` only groups others."""

    type: str
    name: str
    urn: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)
    provider: Mapping[str, Any] = field(default_factory=dict)
    protect: bool = False
    uses: Mapping[str, frozenset[str]] = field(default_factory=dict)
    secrets: frozenset[Path] = frozenset()
    is_component: bool = False

    @cached_property
    def nodes(self) -> tuple[tuple[Path, Any], ...]:
        """Yields every value in the properties with its path, outermost first; mappings and lists
        included."""
        return tuple(nodes(self.properties))

    def get(self, path: str, default: Any = None) -> Any:
        """Returns the property at the dotted `path`, or `default` if it or its parent is absent. Returns
        UNKNOWN below an unknown property."""
        return get(self.properties, path, default)

    def items(self, path: str) -> list[Any]:
        """Returns the list at `path`: empty if it is absent or unknown, and a list of one for a single
        value."""
        return items(self.properties, path)

    def is_secret(self, path: Path) -> bool:
        """True if the engine calls the value at `path`, or what it is in, a secret."""
        return any(path[: len(each)] == each for each in self.secrets)

    @property
    def package(self) -> str:
        return self.type.partition(":")[0]

    @property
    def kind(self) -> str:
        """The resource as a reader knows it: `Bucket lake`."""
        return f"{self.type.rpartition(':')[2]} {self.name}"

    @property
    def component(self) -> str:
        """The platform's component that the resource belongs to, by label or tag; empty if there is none."""
        labels = (
            self.get("metadata.labels"),
            self.get("tags"),
            self.get("labels"),
        )
        for found in labels:
            for key, value in found.items() if isinstance(found, Mapping) else ():
                if tag_name(key) == "component":
                    return str(value).replace("-", "_")
        return ""


@dataclass(frozen=True)
class Budget:
    """The machines that a stack may have: their number, and the instance types as shell patterns."""

    instances: int
    types: tuple[str, ...]


@dataclass(frozen=True)
class Stack:
    """What the stack's configuration says. `ends` when it has a ttl; `plain_secrets` are the keys that
    look like secrets and are not encrypted."""

    cloud: str = "local"
    size: str = "production"
    exposed: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    budget: Budget | None = None
    ends: bool = False
    plain_secrets: tuple[str, ...] = ()

    @property
    def production(self) -> bool:
        return self.size == "production"

    def exposes(self, component: str) -> bool:
        """True if `expose` lists a component, or the one that it stands before as its edge."""
        return component.removesuffix("_edge") in self.exposed


@dataclass(frozen=True)
class Violation:
    """A violation: a sentence that says what to do. `urn` names the resource where the engine does not."""

    message: str
    urn: str = ""


Level = Literal["mandatory", "advisory"]
ResourceCheck = Callable[[Resource, Stack], Iterator[str]]
StackCheck = Callable[[Sequence[Resource], Stack], Iterator[Violation]]


@dataclass(frozen=True)
class Rule:
    """One policy. `development` is its level in stacks of other sizes than production, where it is always
    mandatory. A rule about one resource is asked before that resource is made; a rule about the whole
    stack once everything is registered."""

    name: str
    description: str
    resource: ResourceCheck | None = None
    stack: StackCheck | None = None
    development: Level = "mandatory"

    def level(self, stack: Stack) -> Level:
        return "mandatory" if stack.production else self.development


def get(properties: Any, path: str, default: Any = None) -> Any:
    """Returns the value at the dotted `path` below `properties`, as `Resource.get` does. It takes the
    first item of a list, since the clouds' SDKs wrap single blocks in lists."""
    found = properties
    for key in path.split("."):
        if isinstance(found, list):
            found = found[0] if found else None
        if found is UNKNOWN:
            return UNKNOWN
        if not isinstance(found, Mapping) or key not in found:
            return default
        found = found[key]
    return default if found is None else found


def items(properties: Any, path: str) -> list[Any]:
    found = get(properties, path)
    if found is None or found is UNKNOWN:
        return []
    return [item for item in found if item is not UNKNOWN] if isinstance(found, list) else [found]


def nodes(node: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yields `node` and every value below it, with its path."""
    yield path, node
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from nodes(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from nodes(value, (*path, index))


def dotted(path: Path) -> str:
    """Returns `path` in its usual form: `spec.containers[0].env`."""
    text = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in path)
    return text.removeprefix(".") or "its properties"


@dataclass(frozen=True)
class Unclear:
    """A property that a rule should judge and cannot: its `path` and the reason."""

    path: Path
    reason: str = "is not known before the update: build it from what is known"

    def said_of(self, resource: Resource) -> str:
        return f"{resource.kind} cannot be judged: {dotted(self.path)} {self.reason}"


def unknown(resource: Resource, stack: Stack, *paths: str) -> Iterator[str]:
    """Yields a violation, in production only, for each of the dotted `paths` that `unclear` finds unknown."""
    if stack.production:
        yield from (found.said_of(resource) for found in unclear(resource.properties, *paths))


def unclear(properties: Any, *paths: str, at: Path = ()) -> list[Unclear]:
    """What is not known of the properties at the dotted `paths`: they, something above, or something below.

    It looks at every item of a list, and `*` stands for every key: `ingress.cidrBlocks` finds `ingress`,
    `ingress[0]`, `ingress[1].cidrBlocks` and `ingress[1].cidrBlocks[0]`. The empty path means `properties`
    as a whole. They stand at `at` in the resource, which is where the answers count from.
    """
    found = (where for path in paths for where in _unknowns(properties, path.split(".") if path else [], at))
    return [Unclear(where) for where in dict.fromkeys(found)]


def _unknowns(node: Any, keys: Sequence[str], at: Path) -> Iterator[Path]:
    if node is UNKNOWN:
        yield at
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from _unknowns(item, keys, (*at, index))
    elif isinstance(node, Mapping):
        for key, value in node.items():
            if not keys or keys[0] in ("*", key):
                yield from _unknowns(value, keys[1:], (*at, key))


def differs(value: Any, *wanted: Any) -> bool:
    """True if `value` is known to be none of `wanted`."""
    return value is not UNKNOWN and value not in wanted


def tag_name(key: str) -> str:
    """Returns a tag's or label's name without its prefix, with its words joined in one way."""
    return key.replace(":", "/").rpartition("/")[2].replace("-", "_").lower()


def of_types(resources: Iterable[Resource], *tokens: str) -> list[Resource]:
    return [resource for resource in resources if resource.type in tokens]
