"""Picks the module of a service. Modules are imported when needed: their clients are slow to import."""

from typing import assert_never

from apps.provisioner.changes import Changes
from apps.provisioner.given import CheckSpec
from apps.provisioner.specs import (
    AnySpec,
    IcebergCatalogSpec,
    KafkaSpec,
    KeycloakSpec,
    NatsSpec,
    ObjectStoreSpec,
    PostgresSpec,
)


def converge(spec: AnySpec, changes: Changes) -> None:
    """Bring the service to the state of `spec`, recording each change; what is given is only checked.
    Raises ProvisionError."""
    match spec:
        case PostgresSpec():
            from apps.provisioner import postgres

            postgres.converge(spec, changes)
        case ObjectStoreSpec():
            from apps.provisioner import object_store

            object_store.converge(spec, changes)
        case KafkaSpec():
            from apps.provisioner import kafka

            kafka.converge(spec, changes)
        case NatsSpec():
            from apps.provisioner import nats

            nats.converge(spec, changes)
        case KeycloakSpec():
            from apps.provisioner import keycloak

            keycloak.converge(spec, changes)
        case IcebergCatalogSpec():
            from apps.provisioner import iceberg_catalog

            iceberg_catalog.converge(spec, changes)
        case CheckSpec():
            from apps.provisioner import check

            check.check(spec)
        case _:
            assert_never(spec)
