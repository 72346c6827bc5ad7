"""Runs the platform on AWS: managed object storage and Postgres, and EKS for everything else."""

from dataclasses import dataclass, replace
from typing import Literal

import pulumi
import pulumi_aws as aws
import pulumi_random as random

from components.base import Cluster
from components.endpoints import NetworkEndpoint, ObjectStoreEndpoint, PostgresEndpoint
from components.object_store import ObjectStoreArgs
from components.postgres import PostgresArgs
from components.sizing import Size
from components.software.model import Image
from providers.aws.cluster import ClusterArgs, EksCluster
from providers.aws.identity import PodIdentities
from providers.aws.network import Network, NetworkArgs
from providers.aws.object_store import ObjectStore
from providers.aws.postgres import Postgres, RdsArgs
from providers.aws.rds_roots import root_of
from providers.aws.region import Region
from providers.aws.registry import Registry, RegistryArgs
from providers.aws.scope import Scope
from providers.aws.secret_store import SecretsManager
from providers.aws.sizing import Nat
from providers.aws.tags import Tags
from providers.kubernetes.namespace import Namespace, NamespaceArgs
from providers.kubernetes.results import TerminationMessages
from providers.random_secrets import RandomSecrets
from providers.self_hosted import SelfHosted


@dataclass(frozen=True, kw_only=True)
class AwsArgs:
    """The settings of a stack on AWS. None as `nat` means the size's, None as `postgres_ca` the region's
    own root. `repository` is the path of the stack's mirror in the account's registry, which is
    created for `images`; None if images are elsewhere."""

    account: str
    region: str
    zones: tuple[str, ...]
    cidr: str
    size: Size
    tags: Tags
    api_access: tuple[str, ...]
    admins: tuple[str, ...]
    kubernetes_version: str
    postgres_version: str
    postgres_tls: Literal["required", "verify-full"]
    namespace: NamespaceArgs
    postgres_ca: str | None = None
    nat: Nat | None = None
    repository: str | None = None
    images: tuple[Image, ...] = ()
    parked: bool = False


class AwsProvider(SelfHosted):
    """Serves the object store and Postgres by AWS's services. Kafka and Redis run on the cluster
    (docs/adr/0012)."""

    def __init__(self, name: str, args: AwsArgs) -> None:
        self._args = args
        self._scope = Scope(
            stack=args.namespace.stack,
            account=args.account,
            region=Region(args.region),
            tags=args.tags,
            size=args.size,
            provider=aws.Provider(name, region=args.region, allowed_account_ids=[args.account]),
        )
        self._random = random.Provider(name)

    def create_network(self, name: str) -> NetworkEndpoint:
        args, sizes = self._args, self._scope.sizes
        made = NetworkArgs(
            scope=self._scope,
            cidr=args.cidr,
            zones=args.zones,
            nat=args.nat or sizes.nat,
            private_endpoints=sizes.private_endpoints,
        )
        return Network(name, made).endpoint

    def create_cluster(self, name: str, network: NetworkEndpoint) -> Cluster:
        args, scope = self._args, self._scope
        if args.repository is not None:
            Registry("images", RegistryArgs(scope=scope, prefix=args.repository, images=args.images))
        cluster = EksCluster(
            name,
            ClusterArgs(
                scope=scope,
                network=network,
                version=args.kubernetes_version,
                api_access=args.api_access,
                admins=args.admins,
                parked=args.parked,
            ),
        )
        place = replace(args.namespace, storage_class=args.namespace.storage_class or cluster.storage_class)
        # What is in the cluster goes before its nodes do: volumes and load balancers are given back.
        namespace = Namespace(
            cluster.provider, place, pulumi.ResourceOptions(parent=cluster, depends_on=[*cluster.ready])
        )
        closed = namespace.closed(network.component, pulumi.ResourceOptions(parent=cluster))
        identities = PodIdentities(scope, cluster.ready)
        return namespace.cluster(
            TerminationMessages(cluster.kubeconfig),
            (namespace.resource, closed),
            identities=identities,
            secrets=SecretsManager("secrets", identities, namespace.naming, scope),
            security_group=cluster.security_group,
        )

    def create_secrets(self, name: str) -> RandomSecrets:
        return RandomSecrets(self._random)

    def create_object_store(self, name: str, args: ObjectStoreArgs) -> ObjectStoreEndpoint:
        return ObjectStore(name, args, self._scope, self._args.namespace.name).endpoint

    def create_postgres(self, name: str, args: PostgresArgs) -> PostgresEndpoint:
        verified = self._args.postgres_tls == "verify-full"
        ca = self._args.postgres_ca or (root_of(self._args.region) if verified else None)
        managed = RdsArgs(
            version=self._args.postgres_version,
            tls=self._args.postgres_tls,
            ca=ca,
            clients=pulumi.Output.from_input(args.foundation.cluster.security_group),
            random=self._random,
            parked=self._args.parked,
        )
        return Postgres(name, args, managed, self._scope).endpoint
