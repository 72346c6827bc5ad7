"""Mounts a program's files and secrets, file by file, from an immutable ConfigMap and from the secret
store.

Their names change with their content: a change rolls the pods, and a pod that restarts meanwhile still finds
the content that it was made for.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes import core, meta

from components.base import Program, WorkloadIdentity
from components.templates import render
from providers.kubernetes import placeholders
from providers.kubernetes.exposure import Exposure
from providers.kubernetes.naming import Naming, dns_label
from providers.kubernetes.placeholders import POD_NAME, RUN
from providers.kubernetes.secret_store import VOLUME, Kept, SecretContent, SecretFile, SecretStore

_FILES = "files"
# For its owner alone, whom fsGroup makes the pod's group.
_MODE = 0o440
_ROUNDS = 100_000


@dataclass(frozen=True)
class Files:
    """The files in a pod template. `digest` covers their content and the secret environment; a pod
    starts after `depends_on`."""

    volumes: Sequence[Any]
    mounts: Sequence[Any]
    secret_env: Sequence[core.v1.EnvVarArgs]
    digest: pulumi.Output[str]
    depends_on: tuple[pulumi.Resource, ...] = ()


def create(
    program: Program,
    naming: Naming,
    secrets: SecretStore,
    identity: WorkloadIdentity | None,
    exposure: Exposure,
    opts: pulumi.ResourceOptions,
) -> Files:
    """Creates the program's files and secrets. `identity` is the role of its service account."""
    tables = [
        {**table, **exposure.placeholders(program, index)}
        for index, table in enumerate(placeholders.of_files(program, naming))
    ]
    pods = [naming.pod_name(program.name, i) for i in range(len(tables))] if len(tables) > 1 else []
    plain = _contents(program.files, tables)
    secret = _contents(program.secret_files, tables)
    values = placeholders.of_pod(program, naming)
    environment = {name: _rendered(value, values, pod=True) for name, value in program.secret_env.items()}
    volumes: list[Any] = []
    binary = {
        _key(path, None): pulumi.Output.from_input(content) for path, content in program.binary_files.items()
    }
    if plain or binary:
        volumes.append(_plain_volume(program, naming, plain, binary, pods, opts))
    kept = Kept()
    if secret or environment:
        paths = _paths(program.secret_files, pods)
        content = SecretContent(
            program=program.name,
            files=[SecretFile(key, paths[key], text) for key, text in secret.items()],
            env=environment,
            digest=digest({**secret, **_prefixed(environment)}),
            identity=identity,
        )
        kept = secrets.keep(content, opts)
        if kept.volume is not None:
            volumes.append(kept.volume)
    mounts = [
        _mount(volume, path, per_pod=bool(pods))
        for volume, paths_ in (
            (_FILES, (*program.files, *program.binary_files)),
            (VOLUME, program.secret_files),
        )
        for path in paths_
    ]
    known = digest({**plain, **binary, **secret, **_prefixed(environment)})
    return Files(volumes, mounts, kept.env, known, kept.depends_on)


def _plain_volume(
    program: Program,
    naming: Naming,
    contents: Mapping[str, pulumi.Output[str]],
    binary: Mapping[str, pulumi.Output[str]],
    pods: Sequence[str],
    opts: pulumi.ResourceOptions,
) -> Any:
    """Returns the volume as JSON, which typed arguments and whole manifests both take."""
    name, digest = dns_label(program.name), _plain_digest({**contents, **binary})
    config = core.v1.ConfigMap(
        f"{name}-files",
        metadata=meta.v1.ObjectMetaArgs(
            name=digest.apply(lambda known: f"{name}-files-{known}"),
            namespace=naming.namespace,
            labels=naming.labels(program.name),
        ),
        data=contents or None,
        binary_data=binary or None,
        immutable=True,
        opts=pulumi.ResourceOptions.merge(
            opts, pulumi.ResourceOptions(replace_on_changes=["data", "binaryData"])
        ),
    )
    items = [{"key": key, "path": path} for key, path in _paths(program.files, pods).items()]
    # What is not rendered is the same for each replica.
    items += [{"key": key, "path": f"{pod}/{key}" if pod else key} for key in binary for pod in pods or ("",)]
    return {
        "name": _FILES,
        "configMap": {"name": config.metadata.name, "items": items, "defaultMode": _MODE},
    }


def _prefixed(environment: Mapping[str, pulumi.Output[str]]) -> Mapping[str, pulumi.Output[str]]:
    return {f"env.{name}": value for name, value in environment.items()}


def _plain_digest(contents: Mapping[str, pulumi.Output[str]]) -> pulumi.Output[str]:
    return pulumi.Output.all(**contents).apply(
        lambda known: hashlib.sha256(repr(sorted(known.items())).encode()).hexdigest()[:10]
    )


def digest(contents: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
    """Returns 40 bits of a slow digest of the contents. It is no secret: the contents hold random
    secrets, and a chosen password cannot be found by trying."""

    def compute(known: Mapping[str, str]) -> str:
        return stretched(repr(sorted(dict(known).items())))  # of nothing, it is an empty list

    return pulumi.Output.unsecret(pulumi.Output.all(**contents).apply(compute))


def stretched(text: str) -> str:
    return hashlib.pbkdf2_hmac("sha256", text.encode(), b"nebula", _ROUNDS, dklen=5).hex()


def _contents(
    files: Mapping[str, pulumi.Input[str]], tables: Sequence[Mapping[str, str]]
) -> dict[str, pulumi.Output[str]]:
    """Returns the contents by key: one for each file, or one for each file and replica."""
    per_pod = len(tables) > 1
    return {
        _key(path, index if per_pod else None): _rendered(content, table, pod=False)
        for path, content in files.items()
        for index, table in enumerate(tables)
    }


def _rendered(template: pulumi.Input[str], values: Mapping[str, str], *, pod: bool) -> pulumi.Output[str]:
    # Kubernetes replaces $(NAME) in no file, and in no value that comes from a Secret.
    if pod:
        values = {name: value for name, value in values.items() if "$(" not in value}
    return pulumi.Output.from_input(template).apply(lambda text: render(text, values))


def _key(path: str, index: int | None) -> str:
    plain = path.replace("/", "__")
    return plain if index is None else f"{index}.{plain}"


def _paths(paths: Iterable[str], pods: Sequence[str]) -> dict[str, str]:
    """Returns the path of each key in its volume: in a folder for each replica, where replicas have names."""
    if not pods:
        return {_key(path, None): _key(path, None) for path in paths}
    return {
        _key(path, index): f"{pod}/{_key(path, None)}" for path in paths for index, pod in enumerate(pods)
    }


def _mount(volume: str, path: str, *, per_pod: bool) -> Any:
    """Mounts each file by itself, as JSON, so that its directory stays writable."""
    key, where = _key(path, None), f"{RUN}/{path}"
    # The volume holds a folder for each replica: a pod sees its own.
    part = {"subPathExpr": f"$({POD_NAME})/{key}"} if per_pod else {"subPath": key}
    return {"name": volume, "mountPath": where, **part, "readOnly": True}
