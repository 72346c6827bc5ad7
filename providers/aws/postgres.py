"""Runs Postgres on RDS. Only the cluster connects to it, over TLS that its clients verify."""

from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_random as random
from pulumi_aws import cloudwatch, ec2, rds, vpc

from components.base import Address, HostPort, Password, Tls
from components.endpoints import PostgresEndpoint
from components.postgres import PostgresArgs, PostgresDatabases, PostgresDatabasesArgs
from providers.aws.keys import key
from providers.aws.scope import Scope

_COMPONENT = "postgres"
_PORT = 5432
_ADMIN = "nebula_admin"
_LOGS = ("postgresql", "upgrade")


@dataclass(frozen=True, kw_only=True)
class RdsArgs:
    """`version` is Postgres' major one. `ca` is the root of the server's certificate, PEM, None where
    `tls` verifies nothing. `clients` is the security group that may connect. A `parked` server is stopped:
    its storage and its backups stay."""

    version: str
    tls: Literal["required", "verify-full"]
    ca: str | None
    clients: pulumi.Output[str]
    random: random.Provider
    parked: bool = False


class Postgres(pulumi.ComponentResource):
    """A Postgres server on RDS with backups, and in two zones if the size says so. Its databases are
    created from within the cluster."""

    endpoint: PostgresEndpoint

    def __init__(
        self,
        name: str,
        args: PostgresArgs,
        managed: RdsArgs,
        scope: Scope,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("nebula:aws:Postgres", name, {}, opts)
        self._name, self._scope, self._managed = name, scope, managed
        password = args.foundation.secrets.random(f"{name}-admin", self)
        group, admitted = self._security_group(args.foundation.network.id)
        subnets = rds.SubnetGroup(
            name,
            subnet_ids=args.foundation.network.subnets,
            description=f"Where Postgres of Nebula {scope.stack} may be",
            tags=scope.tags.of(_COMPONENT),
            opts=scope.options(self),
        )
        server = self._instance(password, group.id, subnets.name)
        power = self._power(server)
        here = HostPort(server.address, pulumi.Output.from_input(_PORT), tls=True)
        bare = PostgresEndpoint(
            component=name,
            external=(here,),
            # Nobody connects to a parked server: its clients need not wait until it has stopped.
            depends_on=(server, admitted) if managed.parked else (server, admitted, power),
            tls=Tls(managed.tls, managed.ca),
            auth=Password(_ADMIN, password),
            address=Address(inside=here, outside=here),
            databases={},
            # Another instance under the same name is another's data.
            volume=server.resource_id,
        )
        self.endpoint = PostgresDatabases(
            name,
            PostgresDatabasesArgs(
                foundation=args.foundation,
                server=bare,
                databases=args.databases,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        ).endpoint
        self.register_outputs({"host": server.address, "port": _PORT})

    def _security_group(self, network: pulumi.Input[str]) -> tuple[ec2.SecurityGroup, pulumi.Resource]:
        name, scope = self._name, self._scope
        tags = scope.tags.of(_COMPONENT, name=f"nebula-{scope.stack}-{name}")
        group = ec2.SecurityGroup(
            name,
            vpc_id=network,
            description="Postgres, for pods of the cluster",
            tags=tags,
            opts=scope.options(self),
        )
        admitted = vpc.SecurityGroupIngressRule(
            name,
            security_group_id=group.id,
            description="Postgres, from the cluster's nodes and pods",
            referenced_security_group_id=self._managed.clients,
            ip_protocol="tcp",
            from_port=_PORT,
            to_port=_PORT,
            tags=tags,
            opts=scope.options(self),
        )
        return group, admitted

    def _instance(
        self, password: pulumi.Output[str], group: pulumi.Output[str], subnets: pulumi.Output[str]
    ) -> rds.Instance:
        name, scope, size = self._name, self._scope, self._scope.sizes.database
        identifier = self._identifier
        encryption = key(_COMPONENT, "databases and their backups", scope, self)
        return rds.Instance(
            name,
            identifier=identifier,
            engine="postgres",
            engine_version=self._managed.version,
            auto_minor_version_upgrade=True,
            instance_class=size.instance_class,
            allocated_storage=size.storage,
            max_allocated_storage=size.storage_limit,
            storage_type="gp3",
            storage_encrypted=True,
            kms_key_id=encryption.arn,
            multi_az=size.multi_az,
            db_subnet_group_name=subnets,
            vpc_security_group_ids=[group],
            publicly_accessible=False,
            port=_PORT,
            username=_ADMIN,
            password=password,
            ca_cert_identifier=CA,
            parameter_group_name=self._parameters().name,
            backup_retention_period=size.backup_days,
            backup_window="02:00-03:00",
            maintenance_window="sun:03:30-sun:04:30",
            copy_tags_to_snapshot=True,
            delete_automated_backups=not scope.protected,
            deletion_protection=scope.protected,
            skip_final_snapshot=not scope.protected,
            final_snapshot_identifier=self._final_snapshot(identifier) if scope.protected else None,
            enabled_cloudwatch_logs_exports=_LOGS,
            tags=scope.tags.of(_COMPONENT, name=identifier),
            opts=scope.options(self, self._logs(identifier), stateful=True),
        )

    @property
    def _identifier(self) -> str:
        """Returns the server's name, by which its logs and snapshots are found; it must not change."""
        return f"nebula-{self._scope.stack}-{self._name}"

    def _power(self, server: rds.Instance) -> rds.InstanceDesiredState:
        """Creates the resource that says whether the server runs. It exists in any case, since deleting
        it would leave a parked server stopped. The provider does not start a stopped server; `make
        up` does, beforehand (providers/aws/power.py)."""
        return rds.InstanceDesiredState(
            self._name,
            identifier=self._identifier,
            state="stopped" if self._managed.parked else "available",
            opts=self._scope.options(self, [server]),
        )

    def _parameters(self) -> rds.ParameterGroup:
        static = "pending-reboot"
        return rds.ParameterGroup(
            self._name,
            family=f"postgres{self._managed.version}",
            description="TLS for all, logical replication on",
            parameters=[
                rds.ParameterGroupParameterArgs(name="rds.force_ssl", value="1"),
                rds.ParameterGroupParameterArgs(
                    name="rds.logical_replication", value="1", apply_method=static
                ),
            ],
            tags=self._scope.tags.of(_COMPONENT),
            opts=self._scope.options(self),
        )

    def _logs(self, identifier: str) -> list[pulumi.Resource]:
        """Creates the log groups: RDS would create them itself, and keep the logs for ever."""
        return [
            cloudwatch.LogGroup(
                f"{self._name}-{log}",
                name=f"/aws/rds/instance/{identifier}/{log}",
                retention_in_days=self._scope.sizes.log_days,
                tags=self._scope.tags.of(_COMPONENT),
                opts=self._scope.options(self),
            )
            for log in _LOGS
        ]

    def _final_snapshot(self, identifier: str) -> pulumi.Output[str]:
        """Returns the name of the last snapshot, which is another for each life of the instance."""
        life = random.RandomId(
            f"{self._name}-life",
            byte_length=4,
            opts=pulumi.ResourceOptions(parent=self, provider=self._managed.random),
        )
        return pulumi.Output.concat(identifier, "-final-", life.hex)


CA = "rds-ca-rsa2048-g1"
"""The authority that signs the server's certificate: rds_roots.pem has its root of each region."""
