"""The one function that picks the cloud."""

from pathlib import Path

import pulumi

from infra.settings import Settings
from providers.base import CloudProvider


def provider_of(settings: Settings, checkout: Path) -> CloudProvider:
    """The provider that `cloud` names. Each is imported only when chosen."""
    match settings.cloud:
        case "local":
            from providers.local.paths import cache_directory, stack_directory
            from providers.local.provider import LocalArgs, LocalProvider

            stack = pulumi.get_stack()
            directory = Path(settings.local.directory) if settings.local.directory else stack_directory(stack)
            return LocalProvider(
                "local",
                LocalArgs(
                    stack=stack,
                    directory=directory,
                    cache=cache_directory(),
                    checkout=checkout,
                    components=settings.run,
                    port_offset=settings.local.port_offset,
                    keep_data=settings.local.keep_data,
                ),
            )
        case "kubernetes":
            from providers.kubernetes.exposure import Gateway
            from providers.kubernetes.provider import KubernetesArgs, KubernetesProvider

            stack, chosen = pulumi.get_stack(), settings.kubernetes
            gateway = chosen.gateway
            return KubernetesProvider(
                "kubernetes",
                KubernetesArgs(
                    stack=stack,
                    namespace=chosen.namespace.name or f"nebula-{stack}",
                    create_namespace=chosen.namespace.create,
                    context=chosen.context,
                    kubeconfig=chosen.kubeconfig,
                    storage_class=chosen.storage_class,
                    mirror=chosen.images.mirror,
                    build=checkout if chosen.images.build else None,
                    pull_secrets=tuple(chosen.images.pull_secrets),
                    cpu_requests=chosen.cpu_requests,
                    spread=chosen.spread,
                    exposed=settings.exposed,
                    gateway=Gateway(gateway.name, gateway.namespace) if gateway else None,
                    api_ports=tuple(chosen.api_ports),
                ),
            )
