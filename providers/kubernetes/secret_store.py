"""Keeps the secret content of programs, and brings it to their pods."""

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
    """A secret file. `path` is its path in the volume: `NAME`, or `POD/NAME` for a file that only one
    replica sees. `key` is the same as one word. NAME has `__` in place of each `/`."""

    key: str
    path: str
    content: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class SecretContent:
    """The secret content of one program.

    `digest` is made from the content and is no secret. Objects are named by it, so that other content rolls
    the pods, while pods that restart meanwhile find the content that they were made for. `identity` is the
    role of the program's account, None if it has none.
    """

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
    """The way of secrets into pods. The volume VOLUME holds the files at their paths, readable to the
    pod's group or to all; `env` has the variables. A pod starts after `depends_on`."""

    volume: core.v1.VolumeArgs | None = None
    env: Sequence[core.v1.EnvVarArgs] = ()
    depends_on: tuple[pulumi.Resource, ...] = ()


class SecretStore(Protocol):
    """Keeps secret content for pods. Files come from a cloud's store. A variable of the environment can
    only come from a Secret of the namespace, so every store keeps variables there (by
    NamespaceSecrets, or by a driver that creates the Secret)."""

    def keep(self, content: SecretContent, opts: pulumi.ResourceOptions) -> Kept:
        """Keeps the content. `opts` have parent, order and the Kubernetes provider. It is called only
        for a program with secrets."""
        ...


class NamespaceSecrets:
    """Keeps an immutable Secret for each program in the namespace. The cluster encrypts it as it
    encrypts all Secrets."""

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
