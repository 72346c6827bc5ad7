"""Picks the provider of the cloud that the stack names; only this module does."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi

from infra.declared import LOCAL_PORTS
from infra.projection_settings import port_indexes
from infra.settings import Settings, SettingsError
from providers.base import CloudProvider
from providers.costs import CloudCosts
from providers.power import Power
from providers.sweep import Sweeper, SweepError

_LOWER = re.compile(r"[a-z0-9]([a-z0-9-]{0,54}[a-z0-9])?")

if TYPE_CHECKING:
    from providers.kubernetes.namespace import NamespaceArgs


def provider_of(settings: Settings, checkout: Path) -> CloudProvider:
    """Returns the provider that `cloud` names. Its module is imported only now. Raises SettingsError."""
    match settings.cloud:
        case "local":
            from providers.local.paths import cache_directory, stack_directory, stack_directory_problem
            from providers.local.provider import LocalArgs, LocalProvider

            configured = settings.local.directory
            directory = Path(configured) if configured else stack_directory(pulumi.get_stack())
            if problem := stack_directory_problem(directory):
                raise SettingsError(f"The stack's directory {directory} {problem}.")
            return LocalProvider(
                "local",
                LocalArgs(
                    directory=directory,
                    cache=cache_directory(),
                    ports=LOCAL_PORTS,
                    components=settings.self_hosted,
                    port_offset=settings.local.port_offset,
                    keep_data=settings.local.keep_data,
                    parked=settings.power == "parked",
                    port_indexes={"projections": sorted(port_indexes(settings.projections).values())},
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
        case "aws":
            return _aws(settings, checkout)
        case "gcp":
            return _gcp(settings, checkout)


def _aws(settings: Settings, checkout: Path) -> CloudProvider:
    from infra.images import images
    from providers.aws.provider import AwsArgs, AwsProvider
    from providers.aws.tags import Tags

    stack, chosen = pulumi.get_stack(), settings.aws
    if chosen is None:
        raise SettingsError("nebula:platform.aws: say there where the stack is to be")
    mirror = chosen.registry(stack)
    return AwsProvider(
        "aws",
        AwsArgs(
            account=chosen.account_id,
            region=chosen.region,
            zones=tuple(chosen.zones),
            cidr=chosen.network,
            size=settings.size,
            tags=Tags(stack=stack, owner=settings.owner, cost_centre=settings.cost_centre, ttl=settings.ttl),
            api_access=tuple(chosen.api_access),
            admins=tuple(chosen.admins),
            kubernetes_version=chosen.kubernetes_version,
            postgres_version=chosen.postgres.version,
            postgres_tls=chosen.postgres.tls,
            postgres_ca=chosen.postgres.ca,
            nat=chosen.nat,
            namespace=_namespace(settings, checkout),
            repository=mirror.partition("/")[2] if settings.mirror(stack) == mirror else None,
            images=tuple(images(settings)),
            parked=settings.power == "parked",
        ),
    )


def _gcp(settings: Settings, checkout: Path) -> CloudProvider:
    from providers.gcp.labels import Labels
    from providers.gcp.provider import GcpArgs, GcpProvider

    stack, chosen = pulumi.get_stack(), settings.gcp
    if chosen is None:
        raise SettingsError("nebula:platform.gcp: say there where the stack is to be")
    mirror = chosen.registry(stack)
    return GcpProvider(
        "gcp",
        GcpArgs(
            project=chosen.project,
            region=chosen.region,
            zones=tuple(chosen.zones),
            cidr=chosen.network,
            size=settings.size,
            labels=Labels(
                stack=stack, owner=settings.owner, cost_centre=settings.cost_centre, ttl=settings.ttl
            ),
            api_access=tuple(chosen.api_access),
            channel=chosen.release_channel,
            autopilot=chosen.autopilot,
            nat=chosen.nat,
            namespace=_namespace(settings, checkout),
            mirror=mirror if settings.mirror(stack) == mirror else None,
            parked=settings.power == "parked",
        ),
    )


def _namespace(settings: Settings, checkout: Path) -> "NamespaceArgs":
    """Returns the stack's namespace on a cluster of any cloud."""
    from providers.kubernetes.exposure import Exposure, Gateway, LoadBalancer
    from providers.kubernetes.namespace import NamespaceArgs

    stack, chosen = pulumi.get_stack(), settings.kubernetes
    if settings.cloud != "kubernetes" or chosen.namespace.name is None:
        _check_name(stack)
    gateway, balancer = chosen.gateway, chosen.load_balancer
    return NamespaceArgs(
        stack=stack,
        name=chosen.namespace.name or f"nebula-{stack}",
        create=chosen.namespace.create,
        storage_class=chosen.storage_class,
        mirror=settings.mirror(stack),
        build=checkout if chosen.images.build else None,
        pull_secrets=tuple(chosen.images.pull_secrets),
        cpu_requests=chosen.cpu_requests,
        spread=chosen.spread,
        exposure=Exposure(
            settings.exposed,
            Gateway(gateway.name, gateway.namespace) if gateway else None,
            LoadBalancer(
                tls_secret=balancer.tls_secret,
                load_balancer_class=balancer.load_balancer_class,
                annotations=balancer.annotations,
                source_ranges=tuple(balancer.source_ranges),
            )
            if balancer
            else None,
        ),
        api_ports=tuple(chosen.api_ports),
    )


def _check_name(stack: str) -> None:
    """Raises SettingsError for a stack whose name cannot be part of a namespace's, registry's or
    database's name."""
    if not _LOWER.fullmatch(stack):
        raise SettingsError(
            f"stack {stack}: what it makes is called nebula-{stack}, and a namespace's name has lower-case "
            "letters, digits and -, 63 at most: give the stack another name; on a cluster of your own "
            "kubernetes.namespace.name will do."
        )


def sweeper_of(stack: str, platform: Mapping[str, Any]) -> Sweeper:
    """Returns the sweeper that finds the remains of a destroyed stack; `platform` is the content of its
    file. Raises SweepError."""
    match platform.get("cloud", "local"):
        case "aws":
            from providers.aws.sweep import AwsSweeper

            if not (region := _region(platform)):
                raise SweepError("nebula:platform.aws.region: say there in which region the stack was.")
            account = platform["aws"].get("account_id")
            return AwsSweeper(stack, region, str(account) if account else None)
        case "gcp":
            from providers.gcp.sweep import LISTING

            raise SweepError(
                f"Nothing sweeps this cloud yet. What carries the labels: {LISTING.format(stack=stack)}"
            )
        case cloud:
            raise SweepError(f"A stack of cloud {cloud} leaves nothing behind but what `make down` says.")


def power_of(platform: Mapping[str, Any]) -> Power | None:
    """Returns the power switch that starts the stopped servers of a parked stack; None where the engine
    does that."""
    region = _region(platform)
    if platform.get("cloud") != "aws" or not region:
        return None
    from providers.aws.power import RdsPower

    return RdsPower(region)


def _region(platform: Mapping[str, Any]) -> str:
    """Returns the AWS region of the file, empty if there is none or it is no text; the program refuses
    such a file."""
    match platform:
        case {"aws": {"region": str(region)}}:
            return region
    return ""


def costs() -> tuple[CloudCosts, ...]:
    """Returns the prices and billing rules of each cloud, without importing its SDK."""
    from providers.aws.costs import COSTS as AWS
    from providers.gcp.costs import COSTS as GCP

    return (AWS, GCP)
