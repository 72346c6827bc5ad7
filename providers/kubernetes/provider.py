"""The Kubernetes provider: the whole platform as pods in one namespace of a cluster that exists."""

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
    """`context` and `kubeconfig` (a path) are kubectl's when None."""

    namespace: NamespaceArgs
    context: str | None = None
    kubeconfig: str | None = None


class KubernetesProvider(SelfHosted):
    """Every capability is self-hosted: the components themselves, on the cluster."""

    def __init__(self, name: str, args: KubernetesArgs) -> None:
        self._args = args
        provider = kubernetes.Provider(name, context=args.context, kubeconfig=args.kubeconfig)
        self._random = random.Provider(name)
        self._namespace = Namespace(provider, args.namespace)

    def create_network(self, name: str) -> NetworkEndpoint:
        """The cluster's network, in which the stack's pods reach only what they are linked to."""
        denial = self._namespace.closed(name)
        return NetworkEndpoint(component=name, depends_on=(self._namespace.resource, denial))

    def create_cluster(self, name: str, network: NetworkEndpoint) -> Cluster:
        results = TerminationMessages(self._args.kubeconfig, self._args.context)
        return self._namespace.cluster(results, network.depends_on)

    def create_secrets(self, name: str) -> RandomSecrets:
        return RandomSecrets(self._random)
