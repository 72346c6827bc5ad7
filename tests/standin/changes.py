"""Finds out which properties of an object differ, and which changes need a new object."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pulumi.runtime.proto import provider_pb2

Properties = dict[str, Any]
Path = tuple[str | int, ...]

AUTONAMED = "pulumi.com/autonamed"
"""Annotation of an object whose name the program left open."""

# Per kind what the API refuses to change, and what the real provider does not change in place.
_SELECTOR = (("spec", "selector"),)
_IMMUTABLE: dict[tuple[str, str], tuple[tuple[str, ...], ...]] = {
    ("apps/v1", "Deployment"): _SELECTOR,
    ("apps/v1", "DaemonSet"): _SELECTOR,
    ("apps/v1", "StatefulSet"): (
        *_SELECTOR,
        ("spec", "podManagementPolicy"),
        ("spec", "revisionHistoryLimit"),
        ("spec", "serviceName"),
        ("spec", "volumeClaimTemplates"),
    ),
    ("batch/v1", "Job"): (
        *_SELECTOR,
        ("spec", "completions"),
        ("spec", "parallelism"),
        ("spec", "template"),
    ),
    ("v1", "PersistentVolumeClaim"): (
        *_SELECTOR,
        ("spec", "accessModes"),
        ("spec", "storageClassName"),
        ("spec", "volumeName"),
    ),
    ("v1", "Pod"): (("spec",),),
    ("v1", "ResourceQuota"): (("spec", "scopes"),),
    ("v1", "Secret"): (("type",),),
    ("v1", "Service"): (("spec", "clusterIP"),),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): (("roleRef",),),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): (("roleRef",),),
    ("storage.k8s.io/v1", "StorageClass"): (("parameters",), ("provisioner",)),
}
_IDENTITY = (("metadata", "name"), ("metadata", "namespace"))
_CONTENT = {("v1", "ConfigMap"): (("data",), ("binaryData",)), ("v1", "Secret"): (("data",), ("stringData",))}
_SERVER_METADATA = {
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
}
_MISSING = object()


def without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def immutable(manifest: Mapping[str, Any], mutable_content: bool) -> tuple[tuple[str, ...], ...]:
    """Return the paths whose change replaces the object. They include the content of ConfigMaps and Secrets,
    unless the provider is configured with `mutable_content` or the object declares itself immutable."""
    kind = (manifest["apiVersion"], manifest["kind"])
    content = () if mutable_content and not manifest.get("immutable") else _CONTENT.get(kind, ())
    return (*_IDENTITY, *_IMMUTABLE.get(kind, ()), *content)


def differences(old: Any, new: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield each path that differs, with "ADD", "DELETE" or "UPDATE". Lists are compared by position."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from differences(old.get(key, _MISSING), new.get(key, _MISSING), (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else _MISSING
            after = new[index] if index < len(new) else _MISSING
            yield from differences(before, after, (*path, index))
    elif old is _MISSING:
        yield path, "ADD"
    elif new is _MISSING:
        yield path, "DELETE"
    elif old != new:
        yield path, "UPDATE"


def diff_response(
    old: Properties, new: Properties, live: Mapping[str, Any], mutable_content: bool
) -> provider_pb2.DiffResponse:
    """Return the answer to the engine's Diff request: the inputs change from `old` to `new`, and the object
    is now `live`."""
    kinds = provider_pb2.PropertyDiff
    fixed = immutable(new, mutable_content)
    detailed, replaces = {}, []
    for path, kind in differences(old, new):
        written = text(path)
        if any(path[: len(prefix)] == prefix or prefix[: len(path)] == path for prefix in fixed):
            kind += "_REPLACE"
            replaces.append(written)
        detailed[written] = kinds(kind=kinds.Kind.Value(kind), inputDiff=True)
    metadata, found = new.get("metadata") or {}, live.get("metadata") or {}
    keeps_name = all(metadata.get(key) == found.get(key) for key in ("name", "namespace"))
    autonamed = (metadata.get("annotations") or {}).get(AUTONAMED) == "true"
    answers = provider_pb2.DiffResponse
    return answers(
        changes=answers.DIFF_SOME if detailed else answers.DIFF_NONE,
        diffs=sorted({str(path[0]) for path, _ in differences(old, new)}),
        detailedDiff=detailed,
        hasDetailedDiff=True,
        replaces=replaces,
        deleteBeforeReplace=bool(replaces) and keeps_name and not autonamed,
    )


def text(path: Path) -> str:
    """Return a path as the engine writes it: `spec.containers[0].image`, `metadata.labels["a.b/c"]`."""
    written = ""
    for step in path:
        if isinstance(step, int):
            written += f"[{step}]"
        elif any(character in step for character in '."[]'):
            written += f"[{json.dumps(step)}]"
        else:
            written += f".{step}" if written else step
    return written


def refreshed(inputs: Any, before: Any, now: Any) -> Any:
    """Return `inputs` with what others changed on the object between `before`, the recorded object, and
    `now`.

    An input stays as the program wrote it (`0.5` for `500m`) while the object's value is the recorded one,
    and so does an input that the server does not return (`stringData`).
    """
    if before == now:
        return inputs
    if isinstance(inputs, Mapping) and isinstance(now, Mapping) and isinstance(before, Mapping):
        kept = {
            key: refreshed(value, before.get(key, _MISSING), now.get(key, _MISSING))
            for key, value in inputs.items()
        }
        return {key: value for key, value in kept.items() if value is not _MISSING}
    lists = [value for value in (inputs, before, now) if isinstance(value, list)]
    if len(lists) == 3 and len({len(value) for value in lists}) == 1:
        return [refreshed(*items) for items in zip(*lists, strict=True)]
    return now


def writable_metadata(metadata: Mapping[str, Any]) -> Properties:
    """Return the part of a live object's metadata that a program could have written."""
    return {key: value for key, value in metadata.items() if key not in _SERVER_METADATA}


def secret(value: Any) -> Properties:
    """Return `value` marked as a secret in the engine's protocol."""
    return {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": value}
