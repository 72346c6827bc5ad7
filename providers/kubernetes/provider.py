"""The Kubernetes provider: the whole platform as pods in one namespace of a cluster that exists."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_random as random
from pulumi_kubernetes import core, meta

from components.base import Cluster
from components.endpoints import NetworkEndpoint
from providers.kubernetes.cluster import ClusterSettings, KubernetesCluster
from providers.kubernetes.exposure import Gateway
from providers.kubernetes.images import Images, Published
from providers.kubernetes.naming import Naming
from providers.kubernetes.network import Network
from providers.kubernetes.pods import PodSettings
from providers.kubernetes.results import TerminationMessages
from providers.self_hosted import SelfHosted

_ENFORCED = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/warn": "restricted",
}


@dataclass(frozen=True, kw_only=True)
class KubernetesArgs:
    """`context` and `kubeconfig` (a path) are kubectl's when None. With `create_namespace` the namespace
    is the stack's own, and goes with it; without, it must exist and keeps what else it holds. With
    `build`, the checkout of this repository, images of ours are built from it and pushed to `mirror`."""

    stack: str
    namespace: str
    create_namespace: bool = True
    context: str | None = None
    kubeconfig: str | None = None
    storage_class: str | None = None
    mirror: str | None = None
    build: Path | None = None
    pull_secrets: tuple[str, ...] = ()
    cpu_requests: float = 1.0
    spread: Literal["preferred", "required"] = "preferred"
    exposed: Mapping[str, str] = field(default_factory=dict)
    gateway: Gateway | None = None
    api_ports: tuple[int, ...] = (443, 6443)


class KubernetesSecrets:
    """Random secrets, encrypted in the state alone."""

    def __init__(self, provider: random.Provider) -> None:
        self._provider = provider

    def random(self, name: str, parent: pulumi.Resource, length: int = 32) -> pulumi.Output[str]:
        opts = pulumi.ResourceOptions(parent=parent, provider=self._provider)
        return random.RandomPassword(name, length=length, special=False, opts=opts).result


class KubernetesProvider(SelfHosted):
    """Every capability is self-hosted: the components themselves, on the cluster."""

    def __init__(self, name: str, args: KubernetesArgs) -> None:
        self._args = args
        self._provider = kubernetes.Provider(name, context=args.context, kubeconfig=args.kubeconfig)
        self._random = random.Provider(name)
        self._naming = Naming(args.stack, args.namespace)
        opts = pulumi.ResourceOptions(provider=self._provider)
        if args.create_namespace:
            metadata = meta.v1.ObjectMetaArgs(
                name=args.namespace, labels={**self._naming.everything, **_ENFORCED}
            )
            self._namespace = core.v1.Namespace(args.namespace, metadata=metadata, opts=opts)
        else:
            self._namespace = core.v1.Namespace.get(args.namespace, args.namespace, opts=opts)

    def create_network(self, name: str, opts: pulumi.ResourceOptions | None = None) -> NetworkEndpoint:
        """The cluster's network, in which the stack's pods reach only what they are linked to."""
        own = pulumi.ResourceOptions(provider=self._provider, depends_on=[self._namespace])
        denial = Network(self._naming).deny_by_default(name, own)
        return NetworkEndpoint(component=name, depends_on=(self._namespace, denial))

    def create_cluster(
        self, name: str, network: NetworkEndpoint, opts: pulumi.ResourceOptions | None = None
    ) -> Cluster:
        args = self._args
        settings = ClusterSettings(
            pods=PodSettings(
                naming=self._naming,
                images=self._images(),
                pull_secrets=args.pull_secrets,
                cpu_requests=args.cpu_requests,
                spread=args.spread,
            ),
            storage_class=args.storage_class,
            exposed=args.exposed,
            gateway=args.gateway,
            api_ports=args.api_ports,
        )
        return KubernetesCluster(
            self._provider, settings, TerminationMessages(args.kubeconfig, args.context), network.depends_on
        )

    def _images(self) -> Images:
        if self._args.build is None:
            return Published(self._args.mirror)
        if self._args.mirror is None:
            raise ValueError("images of ours are to be built, but there is no mirror to push them to")
        # Imported when it builds: it takes a third of a second.
        from providers.kubernetes.built_images import Built

        return Built("docker", self._args.mirror, self._args.build)

    def create_secrets(self, name: str, opts: pulumi.ResourceOptions | None = None) -> KubernetesSecrets:
        return KubernetesSecrets(self._random)
