"""Runs Postgres on Cloud SQL, on a private address and with TLS to the name in its certificate."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_gcp import dns, sql
from pulumi_gcp.sql import outputs

from components.base import Address, HostPort, Password, Secrets, Tls
from components.endpoints import NetworkEndpoint, PostgresEndpoint
from providers.gcp.keys import Key
from providers.gcp.scope import Scope

_VERSION = "POSTGRES_18"
_PORT = 5432
_ADMINISTRATOR = "nebula"
_DOMAIN = "sql-psa.goog."
"""Below it are the names of instances that private service access reaches. Google gives them, and leaves
it to the network to resolve them."""


@dataclass(frozen=True, kw_only=True)
class CloudSqlArgs:
    """The settings of an instance. A `parked` one is stopped; its disk and its backups stay."""

    scope: Scope
    network: NetworkEndpoint
    secrets: Secrets
    key: Key
    parked: bool


class CloudSql(pulumi.ComponentResource):
    """A Postgres server with daily backups, which can be restored to any moment of the last days and is
    ready for change data capture. `endpoint` has its administrator and no database yet."""

    endpoint: PostgresEndpoint

    def __init__(self, name: str, args: CloudSqlArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("nebula:gcp:Postgres", name, {}, opts)
        self._name, self._args = name, args
        password = args.secrets.random(f"{name}-administrator", self)
        instance = self._instance()
        administrator = sql.User(
            f"{name}-administrator",
            instance=instance.name,
            name=_ADMINISTRATOR,
            password=password,
            # Postgres drops no role that owns something; it goes with the instance.
            deletion_policy="ABANDON",
            opts=args.scope.options(self),
        )
        host, record = self._resolved(instance)
        address = HostPort(host, pulumi.Output.from_input(_PORT), tls=True)
        self.endpoint = PostgresEndpoint(
            component=name,
            external=(address,),
            depends_on=(administrator, record),
            # The SDK takes all of the certificates for secret: these are the public ones.
            tls=Tls("verify-full", pulumi.Output.unsecret(instance.server_ca_certs.apply(_bundle))),
            auth=Password(_ADMINISTRATOR, password),
            address=Address(inside=address, outside=address),
            databases={},
        )
        self.register_outputs({"host": host, "port": _PORT})

    def _instance(self) -> sql.DatabaseInstance:
        args, scope, size = self._args, self._args.scope, self._args.scope.sizes.database
        return sql.DatabaseInstance(
            self._name,
            database_version=_VERSION,
            region=scope.region,
            encryption_key_name=args.key.name,
            deletion_protection=scope.protected,
            settings=sql.DatabaseInstanceSettingsArgs(
                tier=size.tier,
                edition="ENTERPRISE",
                activation_policy="NEVER" if args.parked else "ALWAYS",
                availability_type="REGIONAL" if size.regional else "ZONAL",
                deletion_protection_enabled=scope.protected,
                retain_backups_on_delete=scope.protected,
                disk_type="PD_SSD",
                disk_size=size.storage,
                disk_autoresize=True,
                disk_autoresize_limit=size.storage_limit,
                backup_configuration=sql.DatabaseInstanceSettingsBackupConfigurationArgs(
                    enabled=True,
                    start_time="02:00",
                    location=scope.region,
                    point_in_time_recovery_enabled=True,
                    transaction_log_retention_days=size.log_days,
                    backup_retention_settings=(
                        sql.DatabaseInstanceSettingsBackupConfigurationBackupRetentionSettingsArgs(
                            retained_backups=size.backups, retention_unit="COUNT"
                        )
                    ),
                ),
                ip_configuration=sql.DatabaseInstanceSettingsIpConfigurationArgs(
                    ipv4_enabled=False,
                    private_network=args.network.id,
                    ssl_mode="ENCRYPTED_ONLY",
                    # An authority of the instance alone signs no name that a client could verify.
                    server_ca_mode="GOOGLE_MANAGED_CAS_CA",
                ),
                database_flags=[
                    sql.DatabaseInstanceSettingsDatabaseFlagArgs(name="cloudsql.logical_decoding", value="on")
                ],
                insights_config=sql.DatabaseInstanceSettingsInsightsConfigArgs(query_insights_enabled=True),
                maintenance_window=sql.DatabaseInstanceSettingsMaintenanceWindowArgs(
                    day=7, hour=3, update_track="stable"
                ),
                user_labels=scope.labels.of(self._name),
            ),
            # The disk grows by itself.
            opts=pulumi.ResourceOptions.merge(
                scope.options(self, [*args.network.depends_on, *args.key.granted], stateful=True),
                pulumi.ResourceOptions(ignore_changes=["settings.diskSize"]),
            ),
        )

    def _resolved(self, instance: sql.DatabaseInstance) -> tuple[pulumi.Output[str], dns.RecordSet]:
        """Creates the DNS record of the name in the instance's certificate, and returns the name."""
        scope, name = self._args.scope, self._name
        zone = dns.ManagedZone(
            f"{name}-zone",
            dns_name=_DOMAIN,
            visibility="private",
            private_visibility_config=dns.ManagedZonePrivateVisibilityConfigArgs(
                networks=[
                    dns.ManagedZonePrivateVisibilityConfigNetworkArgs(network_url=self._args.network.id)
                ]
            ),
            labels=scope.labels.of(name),
            opts=scope.options(self),
        )
        certified = instance.dns_names.apply(_private_name)
        record = dns.RecordSet(
            f"{name}-address",
            managed_zone=zone.name,
            name=certified,
            type="A",
            ttl=300,
            rrdatas=[instance.private_ip_address],
            opts=scope.options(self),
        )
        return certified.apply(lambda known: known.rstrip(".")), record


def _private_name(names: Sequence[outputs.DatabaseInstanceDnsName]) -> str:
    for known in names:
        if (known.connection_type, known.dns_scope) == ("PRIVATE_SERVICES_ACCESS", "INSTANCE") and known.name:
            return known.name
    raise pulumi.RunError(
        "Cloud SQL gave the instance no name for private service access, so that no client can verify its "
        "certificate: run pulumi refresh, then pulumi up again"
    )


def _bundle(certificates: Sequence[outputs.DatabaseInstanceServerCaCert]) -> str:
    """Returns the authorities that sign the server's certificate, now and after its rotation."""
    return "".join(f"{(known.cert or '').strip()}\n" for known in certificates)
