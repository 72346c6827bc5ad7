"""Turns the engine's requests into plain values: unknowns, secrets and assets, which the engine marks."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf import json_format
from pulumi_policy import proxy

from policy.pack.model import UNKNOWN, Path, Resource

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_FILES = ("c44067f5952c0a294b673a41bacd8c17", "0def7320c3a5731c473e5ecbe6d01bc7")
"""How the engine marks what is more than a value: secrets, and assets and archives."""
_UNKNOWNS = frozenset(
    {
        proxy.UNKNOWN_BOOLEAN_VALUE,
        proxy.UNKNOWN_NUMBER_VALUE,
        proxy.UNKNOWN_STRING_VALUE,
        proxy.UNKNOWN_ARRAY_VALUE,
        proxy.UNKNOWN_ASSET_VALUE,
        proxy.UNKNOWN_ARCHIVE_VALUE,
        proxy.UNKNOWN_OBJECT_VALUE,
    }
)


def resource_of(request: Any, uses: Mapping[str, frozenset[str]] | None = None) -> Resource:
    """Returns the resource in an engine's request about one resource or about the whole stack."""
    secrets: set[Path] = set()
    properties = _plain(json_format.MessageToDict(request.properties), (), secrets)
    provider: Mapping[str, Any] = {}
    is_made = request.HasField("provider")
    if is_made:
        provider = provider_inputs(json_format.MessageToDict(request.provider.properties))
    return Resource(
        type=request.type,
        name=request.name,
        urn=request.urn,
        properties=properties,
        provider=provider,
        protect=request.options.protect,
        uses=uses or {},
        secrets=frozenset(secrets),
        is_component=not is_made,
    )


def provider_inputs(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns a provider's inputs. The engine passes nested ones as JSON texts."""
    plain = _plain(given, (), set())
    return {key: _plain(_decoded(value), (key,), set()) for key, value in plain.items()}


def _decoded(value: Any) -> Any:
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _plain(node: Any, path: Path, secrets: set[Path]) -> Any:
    """Returns `node` without the engine's marks, and adds the paths of secrets to `secrets`."""
    if isinstance(node, Mapping):
        match node.get(_SIGNATURE):
            case None:
                return {key: _plain(value, (*path, key), secrets) for key, value in node.items()}
            case signature if signature == _SECRET:
                secrets.add(path)
                return _plain(node.get("value"), path, secrets)
            case signature if signature in _FILES:
                return {key: _plain(value, (*path, key), secrets) for key, value in _contents(node)}
        return UNKNOWN
    if isinstance(node, list):
        return [_plain(value, (*path, index), secrets) for index, value in enumerate(node)]
    if isinstance(node, str):
        return UNKNOWN if node in _UNKNOWNS else node
    # A protobuf struct knows floats only.
    return int(node) if isinstance(node, float) and node.is_integer() else node


def _contents(node: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Returns the text of an asset or archive, or its location."""
    for key in ("text", "path", "uri", "assets"):
        if key in node:
            yield key, node[key]
