"""What a rule sees and what it answers: Resource, Stack, Rule."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

Path = tuple[str | int, ...]
"""Where a value stands in a resource's properties: keys, and places in lists."""


class Unknown:
    """A value that a preview cannot know. Where a rule needs it, that is a violation in production."""

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
        """Every value in the properties with its path, mappings and lists included, outermost first."""
        return tuple(nodes(self.properties))

    def get(self, path: str, default: Any = None) -> Any:
        """The property at the dotted `path`; `default` if it or its parent is not there, and UNKNOWN
        below something unknown."""
        return get(self.properties, path, default)

    def items(self, path: str) -> list[Any]:
        """The list at `path`: empty if it is not there or not known yet, and of one for a single value."""
        return items(self.properties, path)

    def is_secret(self, path: Path) -> bool:
        """Whether the engine calls the value at `path`, or what it is in, a secret."""
        return any(path[: len(each)] == each for each in self.secrets)

    @property
    def package(self) -> str:
        return self.type.partition(":")[0]

    @property
    def kind(self) -> str:
        """How a reader knows it: `Bucket lake`."""
        return f"{self.type.rpartition(':')[2]} {self.name}"

    @property
    def component(self) -> str:
        """The platform's component that it belongs to, by label or tag; empty when it does not say."""
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
    """What a stack may use: machines in all, and the instance types, as patterns of the shell's."""

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
        """Whether `expose` lists a component, or the one that it stands before as its edge."""
        return component.removesuffix("_edge") in self.exposed


@dataclass(frozen=True)
class Violation:
    """Why, in a sentence that says what to do; `urn` where the engine does not know it."""

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
    """The value at the dotted `path` below `properties`, as `Resource.get`. A list is taken by its first
    item: the clouds' SDKs have lists of one."""
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
    """`node` and every value below it, with its path."""
    yield path, node
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from nodes(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from nodes(value, (*path, index))


def dotted(path: Path) -> str:
    """`path` as people write it: `spec.containers[0].env`."""
    text = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in path)
    return text.removeprefix(".") or "its properties"


@dataclass(frozen=True)
class Unclear:
    """A property that a rule would judge and cannot: at `path`, and why."""

    path: Path
    reason: str = "is not known before the update: build it from what is known"

    def said_of(self, resource: Resource) -> str:
        return f"{resource.kind} cannot be judged: {dotted(self.path)} {self.reason}"


def unknown(resource: Resource, stack: Stack, *paths: str) -> Iterator[str]:
    """Says in production of each of the dotted `paths` that nobody can judge it, as `unclear` finds it."""
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
    """Whether `value` is known to be none of `wanted`."""
    return value is not UNKNOWN and value not in wanted


def tag_name(key: str) -> str:
    """A tag's or label's name without its prefix and whatever way its words are joined."""
    return key.replace(":", "/").rpartition("/")[2].replace("-", "_").lower()


def of_types(resources: Iterable[Resource], *tokens: str) -> list[Resource]:
    return [resource for resource in resources if resource.type in tokens]
