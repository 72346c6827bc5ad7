"""Runs Postgres: one server, with a database and an owner for each service."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pulumi

from components.base import (
    Auth,
    Finished,
    Link,
    Password,
    Readiness,
    Secrets,
    Tcp,
    Volume,
    Workload,
)
from components.declaration import Declaration, WorkloadDeclaration
from components.endpoints import SSLMODE, PostgresEndpoint, accepted_logins
from components.foundation import Foundation
from components.provisioning import converge
from components.sizing import WorkloadSize
from components.software import POSTGRES, PROVISIONER

_SUPERUSER = "postgres"

_CONF = """\
listen_addresses = '{bind}'
port = {port.sql}
unix_socket_directories = ''
password_encryption = scram-sha-256
max_connections = 100
shared_buffers = %(shared_buffers)dMB
wal_level = logical
max_wal_senders = 10
max_replication_slots = 10
log_line_prefix = '%%m [%%p] %%u@%%d '
log_timezone = 'UTC'
timezone = 'UTC'
"""

_HBA = """\
# type database user address       method
host   all         all  all        scram-sha-256
host   replication all  all        scram-sha-256
"""


DECLARATION = Declaration(
    name="postgres",
    workloads={
        "postgres": WorkloadDeclaration(
            sizes={
                "laptop": WorkloadSize(cpu=1, memory=512, volume=10),
                "small": WorkloadSize(cpu=2, memory=2048, volume=50),
                "production": WorkloadSize(cpu=4, memory=8192, volume=200),
            },
            ports={"sql": 25432},
        ),
    },
    software=(POSTGRES,),
    tasks=(PROVISIONER,),
    external="postgres",
)


@dataclass(frozen=True, kw_only=True)
class PostgresArgs:
    """Each of `databases` is created with an owner of the same name and a random password."""

    foundation: Foundation
    databases: tuple[str, ...]


class Postgres(pulumi.ComponentResource):
    """Runs Postgres with SCRAM passwords and `wal_level=logical`, which change data capture needs."""

    endpoint: PostgresEndpoint

    def __init__(self, name: str, args: PostgresArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("nebula:components:Postgres", name, {}, opts)
        size = args.foundation.sizing["postgres"]
        superuser = args.foundation.secrets.random(f"{name}-superuser", self)
        owners = _owners(name, args.databases, args.foundation.secrets, self)
        server = args.foundation.cluster.run(
            Workload(
                name=name,
                software=POSTGRES,
                command=(
                    "postgres",
                    "-D",
                    "{data}",
                    "-c",
                    "config_file={run}/postgresql.conf",
                    "-c",
                    "hba_file={run}/pg_hba.conf",
                ),
                files={
                    "postgresql.conf": _CONF % {"shared_buffers": size.memory // 4},
                    "pg_hba.conf": _HBA,
                },
                secret_files={"superuser.password": superuser},
                ports={"sql": 5432},
                volume=Volume(size.volume),
                prepare=(
                    (
                        "initdb",
                        "--pgdata={data}",
                        f"--username={_SUPERUSER}",
                        "--auth=scram-sha-256",
                        "--pwfile={run}/superuser.password",
                        "--encoding=UTF8",
                        "--locale-provider=builtin",
                        "--locale=C.UTF-8",
                    ),
                ),
                readiness=Readiness(Tcp("sql"), deadline=60),
                resources=size.resources,
                stop_signal="INT",
            ),
            self,
        )
        address = server.addresses["sql"]
        bare = PostgresEndpoint(
            component=name,
            workloads=(name,),
            depends_on=(server.resource,),
            auth=Password(_SUPERUSER, superuser),
            address=address,
            databases=owners,
            volume=server.volume,
        )
        databases = _create_databases(name, bare, args.foundation, self)
        self.endpoint = replace(bare, depends_on=(server.resource, databases.resource))
        self.register_outputs({"host": address.outside.host, "port": address.outside.port})


@dataclass(frozen=True, kw_only=True)
class PostgresDatabasesArgs:
    """`server` is a site's own or a managed server; the user in its `auth` may create databases and roles."""

    foundation: Foundation
    server: PostgresEndpoint
    databases: tuple[str, ...]


class PostgresDatabases(pulumi.ComponentResource):
    """Creates databases and their owners on a site's own or a managed server."""

    endpoint: PostgresEndpoint

    def __init__(
        self, name: str, args: PostgresDatabasesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("nebula:components:PostgresDatabases", name, {}, opts)
        bare = replace(args.server, databases=_owners(name, args.databases, args.foundation.secrets, self))
        # What else is on that server is not ours to close.
        databases = _create_databases(name, bare, args.foundation, self, restrict=[])
        self.endpoint = replace(bare, depends_on=(*bare.depends_on, databases.resource))
        self.register_outputs({"databases": list(args.databases)})


def _owners(
    name: str, databases: tuple[str, ...], secrets: Secrets, parent: pulumi.Resource
) -> Mapping[str, Auth]:
    return {
        database: Password(database, secrets.random(f"{name}-{database}", parent)) for database in databases
    }


def _create_databases(
    name: str,
    server: PostgresEndpoint,
    foundation: Foundation,
    parent: pulumi.Resource,
    **further: Any,
) -> Finished:
    return converge(
        f"{name}-databases",
        {
            "service": "postgres",
            **login(server, server.auth),
            "databases": [
                {"name": database, "owner": owner.username, "password": owner.password}
                for database, owner in server.databases.items()
                if isinstance(owner, Password)
            ],
            **further,
        },
        foundation=foundation,
        link=Link(server, ("sql",)),
        parent=parent,
        volume=server.volume,
    )


def login(server: PostgresEndpoint, auth: Auth) -> dict[str, Any]:
    """Returns the settings by which the provisioner logs in to `server` as `auth`;
    apps/provisioner/README.md has their form. Raises TypeError unless `auth` is a password."""
    if not isinstance(auth, Password):
        raise TypeError(f"Postgres needs a user and a password, got {type(auth).__name__}")
    inside = server.address.inside
    secured = {} if server.tls.mode == "disabled" else {"sslmode": SSLMODE[server.tls.mode]}
    ca = {} if server.ca_file is None else {"ca_file": server.ca_file}
    methods = accepted_logins(server)
    accepted = {} if methods is None else {"require_auth": methods}
    return {
        "host": inside.host,
        "port": inside.port,
        "user": auth.username,
        "password": auth.password,
        **secured,
        **accepted,
        **ca,
    }
