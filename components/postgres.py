"""Postgres: one server, a database and an owner of its own for each service."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pulumi

from components.base import (
    Auth,
    Cluster,
    Link,
    Password,
    Readiness,
    Secrets,
    Tcp,
    Volume,
    Workload,
)
from components.endpoints import NetworkEndpoint, PostgresEndpoint
from components.provisioning import converge
from components.sizing import Sizing
from components.software import POSTGRES

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


@dataclass(frozen=True, kw_only=True)
class PostgresArgs:
    """`databases` are created with an owner of the same name and a generated password."""

    cluster: Cluster
    secrets: Secrets
    sizing: Sizing
    databases: tuple[str, ...]
    network: NetworkEndpoint | None = None


class Postgres(pulumi.ComponentResource):
    """Postgres with SCRAM passwords and `wal_level=logical`, ready for change data capture."""

    endpoint: PostgresEndpoint

    def __init__(self, name: str, args: PostgresArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("nebula:components:Postgres", name, {}, opts)
        shape = args.sizing["postgres"]
        superuser = args.secrets.random(f"{name}-superuser", self)
        owners: Mapping[str, Auth] = {
            database: Password(database, args.secrets.random(f"{name}-{database}", self))
            for database in args.databases
        }
        server = args.cluster.run(
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
                    "postgresql.conf": _CONF % {"shared_buffers": shape.memory // 4},
                    "pg_hba.conf": _HBA,
                },
                secret_files={"superuser.password": superuser},
                ports={"sql": 5432},
                volume=Volume(shape.volume),
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
                resources=shape.resources,
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
        databases = converge(
            f"{name}-databases",
            {
                "service": "postgres",
                "host": address.inside.host,
                "port": address.inside.port,
                "user": _SUPERUSER,
                "password": superuser,
                "databases": [
                    {"name": database, "owner": owner.username, "password": owner.password}
                    for database, owner in owners.items()
                    if isinstance(owner, Password)
                ],
            },
            cluster=args.cluster,
            sizing=args.sizing,
            link=Link(bare, "admin"),
            parent=self,
            volume=server.volume,
        )
        self.endpoint = replace(bare, depends_on=(server.resource, databases.resource))
        self.register_outputs({"host": address.outside.host, "port": address.outside.port})
