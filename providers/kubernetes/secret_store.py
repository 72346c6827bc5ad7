"""Where the secret content of programs is kept, and how it reaches their pods."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pulumi
from pulumi_kubernetes import core, meta

from components.base import WorkloadIdentity
from providers.kubernetes.naming import Naming, dns_label

VOLUME = "secrets"
"""The name that a pod's secret files have as a volume."""
_MODE = 0o440
"""For its owner alone, whom fsGroup makes the pod's group."""


@dataclass(frozen=True)
class SecretFile:
    """A file's `path` in the volume: `NAME`, or `POD/NAME` for the replica that alone sees it. `key` is
    the same as one word. NAME has `__` for each `/`."""

    key: str
    path: str
    content: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class SecretContent:
    """What is secret of one program. `digest` is of its content and no secret: what is named by it is
    another with another content, which rolls the pods, while pods that restart meanwhile find theirs.
    `identity` is the role of the program's account, None when it has none."""

    program: str
    files: Sequence[SecretFile]
    env: Mapping[str, pulumi.Output[str]]
    digest: pulumi.Output[str]
    identity: WorkloadIdentity | None

    @property
    def service_account(self) -> str:
        """The account of the program's pods, made after what is secret."""
        return dns_label(self.program)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """How pods have it: `volume`, called VOLUME, holds the files at their paths, readable to the pod's
    group or to all; `env` are the variables. `depends_on` must exist before a pod starts."""

    volume: core.v1.VolumeArgs | None = None
    env: Sequence[core.v1.EnvVarArgs] = ()
    depends_on: tuple[pulumi.Resource, ...] = ()


class SecretStore(Protocol):
    """Keeps secret content for pods. Files go through the store of a cloud; a variable of the environment
    has no way into a pod but a Secret of the namespace, so a store keeps those there (NamespaceSecrets
    does, or a driver that makes the Secret itself)."""

    def keep(self, content: SecretContent, opts: pulumi.ResourceOptions) -> Kept:
        """Keep it. `opts` have parent, order and the Kubernetes provider. It is not called for a program
        that has nothing secret."""
        ...


class NamespaceSecrets:
    """An immutable Secret of the namespace for each program, encrypted as the cluster encrypts those."""

    def __init__(self, naming: Naming) -> None:
        self._naming = naming

    def keep(self, content: SecretContent, opts: pulumi.ResourceOptions) -> Kept:
        contents = {file.key: file.content for file in content.files}
        contents |= {f"env.{name}": value for name, value in content.env.items()}
        kept = core.v1.Secret(
            f"{dns_label(content.program)}-secrets",
            metadata=meta.v1.ObjectMetaArgs(
                name=content.digest.apply(lambda known: f"{dns_label(content.program)}-secrets-{known}"),
                namespace=self._naming.namespace,
                labels=self._naming.labels(content.program),
            ),
            data=pulumi.Output.secret({key: value.apply(_base64) for key, value in contents.items()}),
            immutable=True,
            # Its name is new with its content, and the same when an `up` that was cut off is repeated.
            opts=pulumi.ResourceOptions.merge(
                opts, pulumi.ResourceOptions(replace_on_changes=["data", "stringData"])
            ),
        )
        held = core.v1.SecretVolumeSourceArgs(
            secret_name=kept.metadata.name,
            items=[core.v1.KeyToPathArgs(key=file.key, path=file.path) for file in content.files],
            default_mode=_MODE,
        )
        return Kept(
            volume=core.v1.VolumeArgs(name=VOLUME, secret=held) if content.files else None,
            env=[_variable(name, kept.metadata.name) for name in content.env],
        )


def _variable(name: str, secret: pulumi.Input[str]) -> core.v1.EnvVarArgs:
    reference = core.v1.SecretKeySelectorArgs(name=secret, key=f"env.{name}")
    return core.v1.EnvVarArgs(name=name, value_from=core.v1.EnvVarSourceArgs(secret_key_ref=reference))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
