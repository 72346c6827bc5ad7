"""Runs the whole platform as pods in one namespace of an existing cluster."""

from dataclasses import dataclass

import pulumi_kubernetes as kubernetes
import pulumi_random as random

from components.base import Cluster
from components.endpoints import NetworkEndpoint
from providers.kubernetes.namespace import Namespace, NamespaceArgs
from providers.kubernetes.results import TerminationMessages
from providers.random_secrets import RandomSecrets
from providers.self_hosted import SelfHosted


@dataclass(frozen=True, kw_only=True)
class KubernetesArgs:
    """The cluster and the namespace. kubectl's own `context` and `kubeconfig` (a path) are used for None."""

    namespace: NamespaceArgs
    context: str | None = None
    kubeconfig: str | None = None


class KubernetesProvider(SelfHosted):
    """Runs every capability itself, on the cluster."""

    def __init__(self, name: str, args: KubernetesArgs) -> None:
        self._args = args
        provider = kubernetes.Provider(name, context=args.context, kubeconfig=args.kubeconfig)
        self._random = random.Provider(name)
        self._namespace = Namespace(provider, args.namespace)

    def create_network(self, name: str) -> NetworkEndpoint:
        """Returns the cluster's network, in which the stack's pods reach only the targets of their links."""
        denial = self._namespace.closed(name)
        return NetworkEndpoint(component=name, depends_on=(self._namespace.resource, denial))

    def create_cluster(self, name: str, network: NetworkEndpoint) -> Cluster:
        results = TerminationMessages(self._args.kubeconfig, self._args.context)
        return self._namespace.cluster(results, network.depends_on)

    def create_secrets(self, name: str) -> RandomSecrets:
        return RandomSecrets(self._random)
