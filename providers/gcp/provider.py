"""Runs the platform on Google Cloud: GKE, Cloud Storage and Cloud SQL; Kafka and Redis run on the cluster."""

from dataclasses import dataclass, replace
from ipaddress import IPv4Network

import pulumi
import pulumi_gcp as gcp
import pulumi_kubernetes as kubernetes
import pulumi_random as random
from pulumi_gcp import organizations, storage

from components.base import Cluster
from components.endpoints import NetworkEndpoint, ObjectStoreEndpoint, PostgresEndpoint
from components.object_store import ObjectStoreArgs
from components.postgres import PostgresArgs, PostgresDatabases, PostgresDatabasesArgs
from components.sizing import Size
from providers.gcp.cluster import Channel, GkeArgs, GkeCluster
from providers.gcp.identity import GoogleAccounts
from providers.gcp.keys import Keys
from providers.gcp.labels import Labels
from providers.gcp.network import Network, NetworkArgs, Ranges
from providers.gcp.object_store import BucketsArgs, ObjectStore
from providers.gcp.postgres import CloudSql, CloudSqlArgs
from providers.gcp.registry import Registry, RegistryArgs
from providers.gcp.scope import Scope
from providers.gcp.secret_store import SecretManager
from providers.gcp.storage import storage_class
from providers.kubernetes.namespace import Namespace, NamespaceArgs
from providers.kubernetes.results import TerminationMessages
from providers.random_secrets import RandomSecrets
from providers.self_hosted import SelfHosted


@dataclass(frozen=True, kw_only=True)
class GcpArgs:
    """The settings of a stack on Google Cloud. `cidr` is a /12 to a /18. `zones` are letters; without
    any, Google chooses. None as `nat` means the size's. `mirror` is the repository that is created
    for the stack's images, None if they are elsewhere. A `parked` stack keeps its data and runs
    nothing."""

    project: str
    region: str
    zones: tuple[str, ...]
    cidr: str
    size: Size
    labels: Labels
    api_access: tuple[str, ...]
    channel: Channel
    autopilot: bool
    nat: bool | None
    namespace: NamespaceArgs
    mirror: str | None
    parked: bool


class GcpProvider(SelfHosted):
    """Serves the object store and Postgres by Google's services. Everything else runs on GKE."""

    def __init__(self, name: str, args: GcpArgs) -> None:
        self._args = args
        provider = gcp.Provider(name, project=args.project, region=args.region)
        self._lookup = pulumi.InvokeOutputOptions(provider=provider)
        self._scope = Scope(
            stack=args.namespace.stack,
            project=args.project,
            number=organizations.get_project_output(project_id=args.project, opts=self._lookup).number,
            region=args.region,
            labels=args.labels,
            size=args.size,
            provider=provider,
        )
        self._random = random.Provider(name)
        self._keys = Keys("keys", self._scope)
        self._ranges = Ranges(IPv4Network(args.cidr))

    def create_network(self, name: str) -> NetworkEndpoint:
        sizes, nat = self._scope.sizes, self._args.nat
        args = NetworkArgs(
            scope=self._scope,
            ranges=self._ranges,
            nat=sizes.nat if nat is None else nat,
            flow_samples=sizes.flow_samples,
        )
        return Network(name, args).endpoint

    def create_cluster(self, name: str, network: NetworkEndpoint) -> Cluster:
        args, scope, keys = self._args, self._scope, self._keys
        disks = keys.key("volumes", {"compute": keys.standing_agent("compute-system")})
        gke = GkeCluster(
            name,
            GkeArgs(
                scope=scope,
                network=network,
                control_plane=self._ranges.control_plane,
                api_access=tuple(IPv4Network(site) for site in args.api_access),
                zones=tuple(f"{args.region}-{letter}" for letter in args.zones),
                channel=args.channel,
                autopilot=args.autopilot,
                parked=args.parked,
                secrets_key=keys.key(name, {"container": keys.standing_agent("container-engine-robot")}),
                disks_key=disks,
                registry=self._registry("images"),
            ),
        )
        api = kubernetes.Provider(
            name, kubeconfig=gke.kubeconfig, opts=pulumi.ResourceOptions(parent=gke, depends_on=[*gke.ready])
        )
        volumes = storage_class(disks, scope, api, gke, gke.ready)
        place = replace(args.namespace, storage_class=args.namespace.storage_class or volumes.name)
        # What is in the cluster goes before its nodes do: disks and load balancers are given back.
        namespace = Namespace(
            api, place, pulumi.ResourceOptions(parent=gke, depends_on=[*gke.ready, volumes.resource])
        )
        closed = namespace.closed(network.component, pulumi.ResourceOptions(parent=gke))
        secrets = keys.key("secrets", {"secretmanager": keys.agent("secretmanager.googleapis.com")})
        return namespace.cluster(
            TerminationMessages(gke.kubeconfig),
            (namespace.resource, closed),
            identities=GoogleAccounts(scope, gke.ready),
            secrets=SecretManager(scope, secrets, namespace.naming),
        )

    def create_secrets(self, name: str) -> RandomSecrets:
        """Returns random secrets. They are encrypted in the state, and reach pods through Secret Manager."""
        return RandomSecrets(self._random)

    def create_postgres(self, name: str, args: PostgresArgs) -> PostgresEndpoint:
        server = CloudSql(
            name,
            CloudSqlArgs(
                scope=self._scope,
                network=args.foundation.network,
                secrets=args.foundation.secrets,
                key=self._keys.key(name, {"sqladmin": self._keys.agent("sqladmin.googleapis.com")}),
                parked=self._args.parked,
            ),
        )
        inside = PostgresDatabasesArgs(
            foundation=args.foundation,
            server=server.endpoint,
            databases=args.databases,
        )
        return PostgresDatabases(name, inside).endpoint

    def create_object_store(self, name: str, args: ObjectStoreArgs) -> ObjectStoreEndpoint:
        # Asking for the account of Cloud Storage makes it.
        agent = storage.get_project_service_account_output(project=self._args.project, opts=self._lookup)
        key = self._keys.key(name, {"storage": agent.member})
        inside = BucketsArgs(scope=self._scope, buckets=args.buckets, grants=args.grants, key=key)
        return ObjectStore(name, inside).endpoint

    def _registry(self, name: str) -> Registry | None:
        if (mirror := self._args.mirror) is None:
            return None
        agent = self._keys.agent("artifactregistry.googleapis.com")
        key = self._keys.key(name, {"artifactregistry": agent})
        return Registry(name, RegistryArgs(scope=self._scope, mirror=mirror, key=key))
