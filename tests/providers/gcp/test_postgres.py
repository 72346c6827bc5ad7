"""Cloud SQL: how it is reached, and that clients can verify whom they reached."""

import json

import pytest

from tests.infra.gcp_stack import LIGHT, run
from tests.mocked_program import Run

_INSTANCE = "gcp:sql/databaseInstance:DatabaseInstance"
_SECRET_VERSION = "gcp:secretmanager/secretVersion:SecretVersion"
_NAME = "1a2b.3c4d.europe-west3.sql-psa.goog"


@pytest.fixture(scope="module")
def dev() -> Run:
    return run("gcp-dev")


def test_it_has_no_address_on_the_internet_and_takes_no_plain_connection(dev: Run) -> None:
    settings = dev.of_type(_INSTANCE)["postgres"].inputs["settings"]["ipConfiguration"]
    assert settings["ipv4Enabled"] is False
    assert settings["privateNetwork"] == "network-id"
    assert settings["sslMode"] == "ENCRYPTED_ONLY"


def test_it_comes_after_the_network_can_hold_it(dev: Run) -> None:
    (access,) = dev.of_type("gcp:servicenetworking/connection:Connection").values()
    assert access.urn in dev.of_type(_INSTANCE)["postgres"].dependencies


def test_the_network_resolves_the_name_that_the_certificate_bears(dev: Run) -> None:
    """Not the first name that Google gives, which is that of another kind of connection."""
    (record,) = dev.of_type("gcp:dns/recordSet:RecordSet").values()
    assert (record.inputs["name"], record.inputs["rrdatas"]) == (f"{_NAME}.", ["10.64.32.3"])
    (zone,) = dev.of_type("gcp:dns/managedZone:ManagedZone").values()
    assert zone.inputs["visibility"] == "private"
    assert dev.outputs["endpoints"]["postgres"]["host"] == _NAME


def test_clients_verify_the_name_by_the_authorities_of_now_and_next(dev: Run) -> None:
    spec = json.loads(dev.of_type(_SECRET_VERSION)["postgres-databases-spec-json"].inputs["secretData"])
    assert (spec["host"], spec["sslmode"]) == (_NAME, "verify-full")
    files = dev.of_type("kubernetes:core/v1:ConfigMap")["postgres-databases-files"].inputs["data"]
    assert "certificate of now\ncertificate of next\n" in files.values()


def test_changes_can_be_captured(dev: Run) -> None:
    flags = dev.of_type(_INSTANCE)["postgres"].inputs["settings"]["databaseFlags"]
    assert {"name": "cloudsql.logical_decoding", "value": "on"} in flags


@pytest.mark.parametrize(("size", "availability"), [("small", "ZONAL"), ("production", "REGIONAL")])
def test_any_moment_is_restorable_and_production_has_a_standby(size: str, availability: str) -> None:
    registered = run("gcp-dev", {**LIGHT, "size": size})
    settings = registered.of_type(_INSTANCE)["postgres"].inputs["settings"]
    assert settings["availabilityType"] == availability
    backups = settings["backupConfiguration"]
    assert backups["enabled"] is True
    assert backups["pointInTimeRecoveryEnabled"] is True
    assert (
        1 <= backups["transactionLogRetentionDays"] <= backups["backupRetentionSettings"]["retainedBackups"]
    )


def test_the_password_of_its_administrator_is_secret(dev: Run) -> None:
    (user,) = dev.of_type("gcp:sql/user:User").values()
    assert user.inputs["password"] == "secret-of-postgres-administrator"
    assert user.plain_inputs["password"] == "[secret]"
