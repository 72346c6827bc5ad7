"""Checks a site's own servers before anything of the platform starts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pulumi

from components.base import (
    Address,
    Anonymous,
    Auth,
    Cluster,
    Endpoint,
    ExecutorTemplate,
    Finished,
    HostPort,
    Link,
    Password,
    Program,
    Running,
    Task,
    Workload,
)
from components.endpoints import (
    KafkaEndpoint,
    KeycloakEndpoint,
    ObjectStoreEndpoint,
    PostgresEndpoint,
    RedisEndpoint,
)
from components.foundation import Foundation
from components.kafka import connection
from components.object_store import Grant
from components.postgres import login
from components.provisioning import check


@dataclass(frozen=True, kw_only=True)
class ExternalCheckArgs:
    """`endpoints` maps the key of the configuration to the endpoint of the site's server. `grants` says
    which buckets must be reachable, `topics` which topics must exist."""

    foundation: Foundation
    endpoints: Mapping[str, Endpoint]
    grants: tuple[Grant, ...] = ()
    topics: tuple[str, ...] = ()


class ExternalCheck(pulumi.ComponentResource):
    """Connects to every server from where the platform will run: it logs in to each database and to Redis,
    lists each bucket, and asks Kafka for its metadata and an issuer for its discovery document."""

    passed: pulumi.Resource

    def __init__(
        self, name: str, args: ExternalCheckArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("nebula:components:ExternalCheck", name, {}, opts)
        checked = check(
            f"{name}-check",
            [each for key, endpoint in args.endpoints.items() for each in _given(key, endpoint, args)],
            foundation=args.foundation,
            links=tuple(Link(endpoint) for endpoint in args.endpoints.values()),
            parent=self,
        )
        self.passed = checked.resource
        self.register_outputs({"endpoints": list(args.endpoints)})


class GatedCluster:
    """Wraps a cluster so that nothing starts on it before `passed` exists."""

    def __init__(self, cluster: Cluster, passed: pulumi.Resource) -> None:
        self._cluster = cluster
        # No address and no workload: it opens nothing, and only orders.
        self._link = Link(Endpoint(component="external", depends_on=(passed,)))

    @property
    def security_group(self) -> pulumi.Input[str]:
        return self._cluster.security_group

    def run(self, workload: Workload, parent: pulumi.Resource) -> Running:
        return self._cluster.run(replace(workload, links=(*workload.links, self._link)), parent)

    def run_task(self, task: Task, parent: pulumi.Resource) -> Finished:
        return self._cluster.run_task(replace(task, links=(*task.links, self._link)), parent)

    def executor_template(self, template: Program, parent: pulumi.Resource) -> ExecutorTemplate | None:
        return self._cluster.executor_template(replace(template, links=(*template.links, self._link)), parent)

    def address(self, workload: str, port: str, number: int) -> Address:
        return self._cluster.address(workload, port, number)

    def outside(self, workload: str, number: int, replica: int) -> HostPort | None:
        return self._cluster.outside(workload, number, replica)


def _given(key: str, endpoint: Endpoint, args: ExternalCheckArgs) -> Sequence[Mapping[str, Any]]:
    """Returns the checks of one endpoint for the provisioner; apps/provisioner/README.md has their form."""
    ca = {} if endpoint.ca_file is None else {"ca_file": endpoint.ca_file}
    match endpoint:
        case PostgresEndpoint():
            return _logins(key, endpoint)
        case ObjectStoreEndpoint(address=address):
            # Services that share a key are one.
            keys: dict[int, tuple[Password, dict[str, None]]] = {}
            for service, identity in endpoint.identities.items():
                if isinstance(identity, Password):
                    _, buckets = keys.setdefault(id(identity), (identity, {}))
                    buckets.update(dict.fromkeys(_granted(service, args.grants)))
            return [
                {
                    "kind": "object_store",
                    "key": key,
                    "endpoint": address.inside.authority,
                    "tls": address.inside.tls,
                    "region": endpoint.region,
                    "path_style": endpoint.path_style,
                    "access_key": identity.username,
                    "secret_key": identity.password,
                    "buckets": [endpoint.bucket(bucket) for bucket in buckets],
                    **ca,
                }
                for identity, buckets in keys.values()
            ]
        case KafkaEndpoint():
            return [{"kind": "kafka", "key": key, **connection(endpoint), "topics": list(args.topics)}]
        case RedisEndpoint(address=address, auth=Password(username=user, password=password)):
            reached = {"host": address.inside.host, "port": address.inside.port, "tls": address.inside.tls}
            return [{"kind": "redis", "key": key, **reached, "user": user, "password": password, **ca}]
        case KeycloakEndpoint(issuer=issuer):
            return [{"kind": "oidc", "key": key, "issuer": issuer, **ca}]
    raise TypeError(f"{type(endpoint).__name__} has no check: add one here")


def _logins(key: str, server: PostgresEndpoint) -> Sequence[Mapping[str, Any]]:
    if not isinstance(server.auth, Anonymous):
        maintenance = {"database": "postgres", "access": "administer"}
        return [{"kind": "postgres", "key": f"{key}.admin", **login(server, server.auth), **maintenance}]

    def of(name: str, owner: Auth) -> Mapping[str, Any]:
        database = server.names.get(name, name)
        return {
            "kind": "postgres",
            "key": f"{key}.databases.{name}",
            **login(server, owner),
            "database": database,
        }

    return [of(name, owner) for name, owner in server.databases.items()]


def _granted(service: str, grants: tuple[Grant, ...]) -> list[str]:
    return [bucket for grant in grants if grant.service == service for bucket in grant.buckets]
