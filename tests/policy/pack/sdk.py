"""The schemas of the SDKs in use, read from their sources: importing them whole takes minutes."""

import importlib.util
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from policy.pack import model

_CLASS = re.compile(r"^class (\w+)", re.MULTILINE)
_PROPERTY = re.compile(
    r'^    @pulumi\.getter(?:\(name="([^"]+)"\))?\n    def (\w+)\(self\) -> (.+):$', re.MULTILINE
)
_TOKEN = re.compile(r"super\(\w+, __self__\)\.__init__\(\s*'([^']+)'")
_NESTED = re.compile(r"'((?:_(\w+)\.(\w+)\.)?(\w+Args))'")
_DEEPEST = 12
Properties = dict[str, str]
"""Their types by their names as the engine knows them."""
Leaf = Callable[[str, str], bool]
"""Whether a property, by its name and type, is one of those that are looked for."""


@dataclass(frozen=True)
class Type:
    token: str
    properties: Properties
    module: Path


@cache
def types(package: str) -> tuple[Type, ...]:
    """Every resource of the SDK of `package`."""
    found = []
    for file in _root(package).rglob("*.py"):
        if file.name.startswith(("_", "get_")):
            continue
        source = file.read_text()
        token = _TOKEN.search(source)
        args = next((text for name, text in _classes(source) if name.endswith("Args")), None)
        if token and args is not None and token[1].startswith(f"{package}:"):
            found.append(Type(token[1], _properties(args), file.parent))
    return tuple(found)


def paths(found: Type, wanted: Leaf) -> Iterator[tuple[model.Path, str]]:
    """Where a resource of the type has what is wanted, at any depth, with the type that it has there: one
    path for each property of each type of the SDK that leads there. Items of a list stand at 0."""
    yield from _paths(found.properties, found.module, wanted, (), frozenset())


def _paths(
    properties: Properties, module: Path, wanted: Leaf, above: model.Path, seen: frozenset[str]
) -> Iterator[tuple[model.Path, str]]:
    for name, kind in properties.items():
        path = (*above, name, 0) if _is_list(kind) else (*above, name)
        if wanted(name, kind):
            yield path, kind
        for whole, package, version, nested in _NESTED.findall(kind):
            folder = module.parents[1] / package / version if package else module
            if whole in seen or len(path) > _DEEPEST or not leads(folder, nested, wanted):
                continue
            yield from _paths(_inputs(folder)[nested], folder, wanted, path, seen | {whole})


@cache
def leads(folder: Path, nested: str, wanted: Leaf) -> bool:
    """Whether a nested type has what is wanted, at any depth."""
    return _leads(folder, nested, wanted, set())


def _leads(folder: Path, nested: str, wanted: Leaf, seen: set[tuple[Path, str]]) -> bool:
    if (folder, nested) in seen:
        return False
    seen.add((folder, nested))
    for name, kind in _inputs(folder).get(nested, {}).items():
        if wanted(name, kind):
            return True
        for _, package, version, deeper in _NESTED.findall(kind):
            place = folder.parents[1] / package / version if package else folder
            if _leads(place, deeper, wanted, seen):
                return True
    return False


@cache
def _inputs(folder: Path) -> dict[str, Properties]:
    file = folder / "_inputs.py"
    return {name: _properties(text) for name, text in _classes(file.read_text())} if file.is_file() else {}


def _classes(source: str) -> Iterator[tuple[str, str]]:
    starts = [(each[1], each.start()) for each in _CLASS.finditer(source)]
    ends = [*(start for _, start in starts[1:]), len(source)]
    for (name, start), end in zip(starts, ends, strict=bool(starts)):
        yield name, source[start:end]


def _properties(text: str) -> Properties:
    return {given or name: kind for given, name, kind in _PROPERTY.findall(text)}


def _is_list(kind: str) -> bool:
    return "Sequence[" in kind.split("Mapping[")[0]


def _root(package: str) -> Path:
    located = importlib.util.find_spec(f"pulumi_{package}")
    assert located is not None
    assert located.origin is not None
    return Path(located.origin).parent


def put(path: model.Path, value: object) -> dict[str, object]:
    """Properties that have `value` at `path`, and nothing else."""
    whole: object = value
    for key in reversed(path):
        whole = [whole] if isinstance(key, int) else {key: whole}
    assert isinstance(whole, dict)
    return whole
