"""Manages the stack's namespace, for every provider that hands out a KubernetesCluster."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_kubernetes import core, meta

from providers.kubernetes.cluster import ClusterSettings, KubernetesCluster
from providers.kubernetes.exposure import Exposure
from providers.kubernetes.identity import Identities
from providers.kubernetes.images import Images, Published
from providers.kubernetes.naming import Naming
from providers.kubernetes.network import Network
from providers.kubernetes.pods import PodSettings
from providers.kubernetes.results import TerminationMessages
from providers.kubernetes.secret_store import SecretStore

_ENFORCED = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/warn": "restricted",
}


@dataclass(frozen=True, kw_only=True)
class NamespaceArgs:
    """A site's settings for the stack's namespace. With `create` the namespace belongs to the stack and
    is deleted with it; without, it must exist and stays. With `build`, the checkout of this
    repository, the platform's own images are built from it and pushed to `mirror`."""

    stack: str
    name: str
    create: bool = True
    storage_class: str | None = None
    mirror: str | None = None
    build: Path | None = None
    pull_secrets: tuple[str, ...] = ()
    cpu_requests: float = 1.0
    spread: Literal["preferred", "required"] = "preferred"
    exposure: Exposure = field(default_factory=Exposure)
    api_ports: tuple[int, ...] = (443, 6443)


class Namespace:
    """One namespace, reached by one Kubernetes provider. It is created or looked up, closed by a network
    policy, and has a cluster to run workloads in."""

    def __init__(
        self,
        provider: kubernetes.Provider,
        args: NamespaceArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        self._args = args
        self._provider = provider
        self.naming = Naming(args.stack, args.name)
        own = _merged(opts, pulumi.ResourceOptions(provider=provider))
        if args.create:
            metadata = meta.v1.ObjectMetaArgs(name=args.name, labels={**self.naming.everything, **_ENFORCED})
            self.resource = core.v1.Namespace(args.name, metadata=metadata, opts=own)
        else:
            self.resource = core.v1.Namespace.get(args.name, args.name, opts=own)

    def closed(self, name: str, opts: pulumi.ResourceOptions | None = None) -> pulumi.Resource:
        """Creates the policy by which the stack's pods reach only the targets of their links."""
        own = pulumi.ResourceOptions(provider=self._provider, depends_on=[self.resource])
        return Network(self.naming).deny_by_default(name, _merged(opts, own))

    def cluster(
        self,
        results: TerminationMessages,
        depends_on: tuple[pulumi.Resource, ...],
        *,
        images: Images | None = None,
        identities: Identities | None = None,
        secrets: SecretStore | None = None,
        security_group: pulumi.Input[str] = "",
    ) -> KubernetesCluster:
        """Returns a cluster whose workloads start after `depends_on`, which must include the namespace
        and its policy. Without `images`, pods use those of the mirror, or images that are built into
        it. `security_group` is that of the cluster's nodes."""
        args = self._args
        settings = ClusterSettings(
            pods=PodSettings(
                naming=self.naming,
                images=images or self._images(),
                pull_secrets=args.pull_secrets,
                cpu_requests=args.cpu_requests,
                spread=args.spread,
            ),
            storage_class=args.storage_class,
            exposure=args.exposure,
            api_ports=args.api_ports,
        )
        return KubernetesCluster(
            self._provider,
            settings,
            results,
            depends_on,
            identities=identities,
            secrets=secrets,
            security_group=security_group,
        )

    def _images(self) -> Images:
        if self._args.build is None:
            return Published(self._args.mirror)
        if self._args.mirror is None:
            raise ValueError("images of ours are to be built, but there is no mirror to push them to")
        # Imported when it builds: it takes a third of a second.
        from providers.kubernetes.built_images import Built

        return Built("docker", self._args.mirror, self._args.build)


def _merged(given: pulumi.ResourceOptions | None, own: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
    return own if given is None else pulumi.ResourceOptions.merge(given, own)
