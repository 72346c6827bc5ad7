"""The YAML of stack files, read as the engine reads it.

YAML has two readings of many words: `on` is a text or true, `2026-01-31` a text or a point in time. Here it
is the engine's, which takes `on` for a text; a date stays the text that it is in the file. The module
refuses, with its line, what the engine cannot read (such as a repeated key) or only the engine understands.
"""

import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

_TAG = "tag:yaml.org,2002:"
_QUOTED = re.compile(r" '[^'<]{2,}'")
_UNWANTED = frozenset({"binary", "omap", "pairs", "set", "timestamp"})
"""Kinds of values that YAML has and a stack file does not."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_MOST_NODES = 100_000
"""The most nodes of a file with all aliases expanded; a usual file has hundreds."""
_LONGEST_NUMBER = 100
"""The most characters of a number: longer ones are slow to read."""


class YamlError(ValueError):
    """Reports a text that is not YAML, or YAML that a stack file cannot have. `line`
    counts from 1; it is None if the line is unknown."""

    def __init__(self, line: int | None, problem: str) -> None:
        self.line = line
        super().__init__(problem)


class _Loader(yaml.SafeLoader):
    """Loads YAML and reads words such as `on` as the engine does."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  a class attribute of PyYAML's


for _name, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("int", r"[-+]?(0b[01]+|0o?[0-7]+|0x[0-9a-fA-F]+|0|[1-9][0-9_]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+0123456789.",
    ),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"^(?:{_pattern})$"), [*_first, ""])


def _float(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float:
    text = str(loader.construct_scalar(node)).lower()
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


_Loader.add_constructor(f"{_TAG}float", _float)


def compose(text: str) -> yaml.Node | None:
    """Returns the nodes of `text`, or None if it is empty. Raises YamlError."""
    try:
        root = yaml.compose(text, Loader=_Loader)
        if root is not None:
            _count(root, {}, set())
        return root
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # Without the names that it quotes: an alias may be a password that begins with *.
        said = _QUOTED.sub("", error.problem or "is no YAML")
        raise YamlError(mark.line + 1 if mark else None, said) from None
    except yaml.YAMLError as error:  # a character that YAML does not have: its message has the position
        raise YamlError(None, " ".join(str(error).split())) from None
    except RecursionError:
        raise YamlError(None, "is nested too deeply") from None


def construct(node: yaml.Node) -> Any:
    """Returns the plain values of `node`: mappings, lists, texts, numbers, true, false and None. Raises
    YamlError."""
    loader = _Loader("")
    try:
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(mark.line + 1 if mark else None, error.problem or "is no value") from None
    except (ValueError, KeyError):
        kind = node.tag.removeprefix(_TAG)
        raise YamlError(_line(node), f"is no {kind}, as its tag says: leave the tag out") from None
    finally:
        loader.dispose()


def _count(node: yaml.Node, known: dict[int, int], above: set[int]) -> int:
    """Returns the number of nodes with all aliases expanded. Raises YamlError if it is more than any
    stack file has."""
    if id(node) in above:
        raise YamlError(_line(node), "contains itself: write the value out instead of an alias (*)")
    if id(node) not in known:
        _check(node)
        above.add(id(node))
        known[id(node)] = 1 + sum(_count(child, known, above) for child in _children(node))
        above.remove(id(node))
    if known[id(node)] > _MOST_NODES:
        raise YamlError(_line(node), "comes to too much with its aliases (*): write the values out")
    return known[id(node)]


def _check(node: yaml.Node) -> None:
    kind = node.tag.removeprefix(_TAG)
    allowed: tuple[str, ...] = ("str", "int", "float", "bool", "null", "merge")
    if isinstance(node, yaml.MappingNode):
        allowed = ("map",)
        _check_keys(node)
    elif isinstance(node, yaml.SequenceNode):
        allowed = ("seq",)
    if kind not in allowed:
        # Not a tag that YAML does not have: it may be a password that begins with !.
        shown = f"!!{kind}" if node.tag.startswith(_TAG) and kind in _UNWANTED else "what ! begins"
        raise YamlError(
            _line(node),
            f"{shown} is no value of a stack file: write a text in quotes, a number, true or false",
        )
    if isinstance(node, yaml.ScalarNode) and _SURROGATE.search(node.value):
        raise YamlError(_line(node), "half a surrogate pair is no text: write the character itself")
    if kind == "int" and len(node.value) > _LONGEST_NUMBER:
        raise YamlError(_line(node), "is too long a number: write a text in quotes")
    value = construct(node) if kind in ("int", "float", "bool", "null") else None
    if isinstance(value, float) and not math.isfinite(value):
        raise YamlError(_line(node), "not a number, or an infinite one, is no value of a stack file")


def _check_keys(node: yaml.MappingNode) -> None:
    lines: dict[str, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise YamlError(_line(key), "a list or mapping is no key: write a text")
        if key.tag != f"{_TAG}merge" and key.value in lines:
            # Not a key within braces: it may be a password that begins with one.
            shown = "a key" if node.flow_style else key.value
            raise YamlError(_line(key), f"{shown} is here twice, first in line {lines[key.value]}: keep one")
        lines[key.value] = _line(key)


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
