"""Finds manifests in texts: templates of pods in ConfigMaps, Secrets and custom resources."""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import yaml

from policy.pack.model import Path, Resource, Unclear

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LONGEST = 1024 * 1024
"""Characters of a text that is read: Kubernetes takes no ConfigMap or Secret that is longer."""
_DEEPEST = 100
"""Levels of a text that are read. A pod in a list in a template has about ten."""
_WITH_PODS = re.compile(
    r"(?:^|[\s{,\-\"'])(?:containers|initContainers|ephemeralContainers|hostPath)[\"']?[ \t]*:"
    r"|\\[xuU][0-9a-fA-F]{2}",
    re.MULTILINE,
)
"""Where a text may hold a pod: a key with the name of one of its lists, in JSON or YAML, or one that could
be written with escapes. A volume of a node's path is one's own."""
_ON_A_LINE = re.compile(
    r"^[ \t]*(?:- |[{,][ \t]*)?[\"']?(?:containers|initContainers|ephemeralContainers)[\"']?[ \t]*:[ \t]*"
    r"(?:[\[{#].*)?$",
    re.MULTILINE,
)
"""The same where it is no sentence: the key alone on its line, or before a list."""


def manifests(resource: Resource) -> tuple[list[tuple[Path, Any]], list[Unclear]]:
    """Returns the contents of texts that may hold pods, by the text's path, and the texts that look like
    a pod's manifest and cannot be read."""
    found: list[tuple[Path, Any]] = []
    unclear: list[Unclear] = []
    if resource.package == "kubernetes":
        for path, value in resource.nodes:
            for text in _texts(resource, path, value):
                contents, reason = _read(text)
                found += [(path, each) for each in contents]
                if reason:
                    unclear.append(Unclear(path, reason))
    return found, unclear


def _texts(resource: Resource, path: Path, value: Any) -> Iterator[str]:
    """Yields the text, and its decoded form where Kubernetes takes base64."""
    if not isinstance(value, str):
        return
    yield value
    if "binaryData" in path or ("data" in path and "Secret" in resource.type):
        try:
            yield base64.b64decode(value, validate=True).decode(errors="replace")
        except (binascii.Error, ValueError):
            return


@lru_cache(maxsize=256)
def _read(text: str) -> tuple[tuple[Any, ...], str]:
    """Returns the documents of a text that may hold pods, or the reason why it cannot be read. Each text
    is parsed once for all rules."""
    if not _WITH_PODS.search(text):
        return (), ""
    if len(text) > _LONGEST:
        return (), f"is longer than {_LONGEST} characters: divide it"
    try:
        return (json.loads(text),), ""
    except ValueError:
        pass
    try:
        if reason := _refused(text):
            return (), reason
        return tuple(yaml.load_all(text, Loader=_LOADER)), ""
    except (yaml.YAMLError, ValueError):
        if _ON_A_LINE.search(text):
            return (), "looks like a pod's manifest and is neither JSON nor YAML: write it without templates"
        return (), ""


def _refused(text: str) -> str:
    """Returns the reason why a YAML text is not parsed: a few lines of aliases can expand to a billion
    values."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.AliasEvent):
            return f"has an alias of YAML (*{event.anchor}): write out what it stands for"
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            return f"has more than {_DEEPEST} levels: make it flatter"
    return ""
