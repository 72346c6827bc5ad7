"""A program's files and secrets: an immutable ConfigMap and Secret, mounted file by file.

Their names are Pulumi's, new with their content: a change of content rolls the pods, and a pod that
restarts meanwhile still finds the content that it was made for.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes import core, meta

from components.base import Program
from components.templates import render
from providers.kubernetes import placeholders
from providers.kubernetes.naming import Naming, dns_label
from providers.kubernetes.placeholders import POD_NAME, RUN

_FILES, _SECRETS = "files", "secrets"
# Named by its owner alone, whom fsGroup makes the pod's group.
_MODE = 0o440
_ROUNDS = 100_000


@dataclass(frozen=True)
class Files:
    """What a pod template needs of them. `digest` is of their content and of the secret environment."""

    volumes: Sequence[core.v1.VolumeArgs]
    mounts: Sequence[core.v1.VolumeMountArgs]
    secret_env: Sequence[core.v1.EnvVarArgs]
    digest: pulumi.Output[str]


def create(program: Program, naming: Naming, opts: pulumi.ResourceOptions) -> Files:
    """Create what the program has of files and secrets."""
    tables = placeholders.of_files(program, naming)
    plain = _contents(program.files, tables)
    secret = _contents(program.secret_files, tables)
    values = placeholders.of_pod(program, naming)
    environment = {
        f"env.{name}": _rendered(value, values, pod=True) for name, value in program.secret_env.items()
    }
    volumes: list[core.v1.VolumeArgs] = []
    pods = [naming.pod_name(program.name, i) for i in range(len(tables))] if len(tables) > 1 else []
    replaced = pulumi.ResourceOptions.merge(
        opts, pulumi.ResourceOptions(replace_on_changes=["data", "stringData"])
    )
    metadata = meta.v1.ObjectMetaArgs(namespace=naming.namespace, labels=naming.labels(program.name))
    if plain:
        config = core.v1.ConfigMap(
            f"{dns_label(program.name)}-files", metadata=metadata, data=plain, immutable=True, opts=replaced
        )
        source = core.v1.ConfigMapVolumeSourceArgs(
            name=config.metadata.name, items=_items(program.files, pods), default_mode=_MODE
        )
        volumes.append(core.v1.VolumeArgs(name=_FILES, config_map=source))
    secret_env: list[core.v1.EnvVarArgs] = []
    if secret or environment:
        data = {key: value.apply(_base64) for key, value in {**secret, **environment}.items()}
        kept = core.v1.Secret(
            f"{dns_label(program.name)}-secrets",
            metadata=metadata,
            data=pulumi.Output.secret(data),
            immutable=True,
            opts=replaced,
        )
        if secret:
            held = core.v1.SecretVolumeSourceArgs(
                secret_name=kept.metadata.name, items=_items(program.secret_files, pods), default_mode=_MODE
            )
            volumes.append(core.v1.VolumeArgs(name=_SECRETS, secret=held))
        for name in program.secret_env:
            reference = core.v1.SecretKeySelectorArgs(name=kept.metadata.name, key=f"env.{name}")
            secret_env.append(
                core.v1.EnvVarArgs(name=name, value_from=core.v1.EnvVarSourceArgs(secret_key_ref=reference))
            )
    mounts = [
        _mount(volume, path, per_pod=bool(pods))
        for volume, paths in ((_FILES, program.files), (_SECRETS, program.secret_files))
        for path in paths
    ]
    return Files(volumes, mounts, secret_env, digest({**plain, **secret, **environment}))


def digest(contents: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
    """Forty bits of a slow digest of the contents. It is no secret: contents hold random secrets, and a
    password that somebody chose is not found by trying."""

    def compute(known: Mapping[str, str]) -> str:
        text = repr(sorted(known.items())).encode()
        return hashlib.pbkdf2_hmac("sha256", text, b"nebula", _ROUNDS, dklen=5).hex()

    return pulumi.Output.unsecret(pulumi.Output.all(**contents).apply(compute))


def _contents(
    files: Mapping[str, pulumi.Input[str]], tables: Sequence[Mapping[str, str]]
) -> dict[str, pulumi.Output[str]]:
    """Keys and contents: one for each file, or one for each file and replica."""
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


def _items(paths: Mapping[str, object], pods: Sequence[str]) -> list[core.v1.KeyToPathArgs]:
    if not pods:
        return [core.v1.KeyToPathArgs(key=_key(path, None), path=_key(path, None)) for path in paths]
    return [
        core.v1.KeyToPathArgs(key=_key(path, index), path=f"{pod}/{_key(path, None)}")
        for path in paths
        for index, pod in enumerate(pods)
    ]


def _mount(volume: str, path: str, *, per_pod: bool) -> core.v1.VolumeMountArgs:
    """Each file by itself: the directory around it stays writable."""
    where = f"{RUN}/{path}"
    if per_pod:
        # The volume holds a folder for each replica: a pod sees its own.
        part = f"$({POD_NAME})/{_key(path, None)}"
        return core.v1.VolumeMountArgs(name=volume, mount_path=where, sub_path_expr=part, read_only=True)
    return core.v1.VolumeMountArgs(name=volume, mount_path=where, sub_path=_key(path, None), read_only=True)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
