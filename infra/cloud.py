"""The one function that picks the cloud."""

from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from infra.settings import Settings, SettingsError
from providers.base import CloudProvider
from providers.costs import CloudCosts

if TYPE_CHECKING:
    from providers.kubernetes.namespace import NamespaceArgs


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
            from providers.kubernetes.provider import KubernetesArgs, KubernetesProvider

            return KubernetesProvider(
                "kubernetes",
                KubernetesArgs(
                    namespace=_namespace(settings, checkout),
                    context=settings.kubernetes.context,
                    kubeconfig=settings.kubernetes.kubeconfig,
                ),
            )
        case cloud:
            raise SettingsError(f"nebula:platform.cloud: {cloud} is not built: choose local or kubernetes")


def _namespace(settings: Settings, checkout: Path) -> "NamespaceArgs":
    """The stack's place in whichever cluster it runs on."""
    from providers.kubernetes.exposure import Gateway
    from providers.kubernetes.namespace import NamespaceArgs

    stack, chosen = pulumi.get_stack(), settings.kubernetes
    gateway = chosen.gateway
    return NamespaceArgs(
        stack=stack,
        name=chosen.namespace.name or f"nebula-{stack}",
        create=chosen.namespace.create,
        storage_class=chosen.storage_class,
        mirror=chosen.images.mirror,
        build=checkout if chosen.images.build else None,
        pull_secrets=tuple(chosen.images.pull_secrets),
        cpu_requests=chosen.cpu_requests,
        spread=chosen.spread,
        exposed=settings.exposed,
        gateway=Gateway(gateway.name, gateway.namespace) if gateway else None,
        api_ports=tuple(chosen.api_ports),
    )


def costs() -> tuple[CloudCosts, ...]:
    """How each cloud bills: prices and rules, without its SDK."""
    from providers.aws.costs import COSTS as AWS
    from providers.gcp.costs import COSTS as GCP

    return (AWS, GCP)
