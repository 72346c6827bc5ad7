"""What a stack file may say of servers of the user's own, and what is said of one that is wrong."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.settings import Settings, SettingsError, parse
from infra.stack_file import KEY, StackFile
from tests.infra.external_servers import ADMINISTERED, ALL, KAFKA, OBJECT_STORE, PEM, POSTGRES, SECRETS


def _parse(tmp_path: Path, external: Mapping[str, Any], **more: Any) -> Settings:
    path = tmp_path / "stacks" / "Pulumi.site.yaml"
    path.parent.mkdir(exist_ok=True)
    document = {"cloud": "local", **more, "external": external}
    path.write_text(yaml.safe_dump({"config": {KEY: document}}, sort_keys=False))
    return parse(json.dumps(document), StackFile(path))


def _error(tmp_path: Path, external: Mapping[str, Any], **more: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        _parse(tmp_path, external, **more)
    message = str(caught.value)
    assert not [secret for secret in SECRETS if secret in message]
    return message


def test_what_is_given_is_accepted_and_its_secrets_are_masked(tmp_path: Path) -> None:
    settings = _parse(tmp_path, ALL)
    assert set(settings.self_hosted).isdisjoint({"postgres", "object_store", "kafka", "keycloak"})
    assert not [secret for secret in SECRETS if secret in repr(settings)]


def test_a_certificate_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    cut = PEM.replace(PEM.splitlines()[2], "")
    message = _error(tmp_path, {"object_store": {**OBJECT_STORE, "ca": PEM + cut}})
    assert "external.object_store.ca: certificate 2 cannot be read" in message


@pytest.mark.parametrize("key", ["kafka", "redis"])
def test_an_authority_without_tls_is_refused(tmp_path: Path, key: str) -> None:
    message = _error(tmp_path, {key: {**ALL[key], "ca": PEM, "tls": "disabled"}})
    assert f"external.{key}: ca is for tls: verify-full" in message


def test_missing_databases_are_listed_at_their_line(tmp_path: Path) -> None:
    databases = {"keycloak": POSTGRES["databases"]["keycloak"]}
    message = _error(tmp_path, {"postgres": {**POSTGRES, "databases": databases}}, databases=["mine"])
    lines = (tmp_path / "stacks" / "Pulumi.site.yaml").read_text().splitlines()
    line = 1 + next(n for n, text in enumerate(lines) if text == "        databases:")
    assert f"line {line}: {KEY}.external.postgres.databases: lacks iceberg_catalog, mine" in message


def test_a_component_that_is_off_needs_no_database(tmp_path: Path) -> None:
    databases = {"keycloak": POSTGRES["databases"]["keycloak"]}
    off = {"iceberg_catalog": False, "trino": False, "spark": False}
    _parse(tmp_path, {"postgres": {**POSTGRES, "databases": databases}}, components=off)


def test_an_external_issuer_needs_no_database_of_keycloak(tmp_path: Path) -> None:
    databases = {"iceberg_catalog": POSTGRES["databases"]["iceberg_catalog"]}
    _parse(tmp_path, {**ALL, "postgres": {**POSTGRES, "databases": databases}})


def test_services_without_a_key_are_listed(tmp_path: Path) -> None:
    store = {key: value for key, value in OBJECT_STORE.items() if key not in ("access_key", "secret_key")}
    trino = {"access_key": "AKIATRINO", "secret_key": "given-secret-key"}
    message = _error(tmp_path, {"object_store": {**store, "services": {"trino": trino}}}, demo=True)
    assert "external.object_store.services: lacks iceberg_catalog, spark, flights" in message


@pytest.mark.parametrize(
    ("external", "expected"),
    [
        ({"postgres": {**POSTGRES, "host": "https://db"}}, "external.postgres.host"),
        ({"postgres": {**POSTGRES, "ca": None}}, "verify-full needs ca"),
        (
            {"postgres": {**POSTGRES, "ca": "given-sso"}},
            "external.postgres.ca: must be certificates",
        ),
        ({"postgres": {**POSTGRES, "admin": ADMINISTERED["admin"]}}, "give either databases"),
        ({"postgres": {**POSTGRES, "passwrod": "given-sso"}}, "passwrod: unknown key"),
        ({"postgres": ["given-sso"]}, "got list"),
        ({"postgres": {**ADMINISTERED, "admin": "given-dba"}}, "got str"),
        ({"object_store": {**OBJECT_STORE, "url": "s3.example.org"}}, "external.object_store.url"),
        ({"object_store": {**OBJECT_STORE, "url": "https://s3/a"}}, "external.object_store.url"),
        ({"object_store": {**OBJECT_STORE, "secret_key": None}}, "access_key and secret_key together"),
        (
            {"object_store": {**OBJECT_STORE, "buckets": {"wharehouse": "a-b-c"}}},
            "buckets.wharehouse: no bucket",
        ),
        ({"kafka": {**KAFKA, "bootstrap_servers": ["k1"]}}, "external.kafka.bootstrap_servers[0]"),
        ({"kafka": {**KAFKA, "bootstrap_servers": ["k1:70000"]}}, "70000 is no port"),
        ({"object_store": {**OBJECT_STORE, "url": "https://s3.example.org:65536"}}, "65536 is no port"),
        ({"object_store": {**OBJECT_STORE, "url": "https://s3..example.org"}}, "external.object_store.url"),
        ({"oidc": {"issuer": "https://sso.example.org:99999/a:1", "client": "a"}}, "99999 is no port"),
        ({"redis": {"host": "a..b", "password": "given-sso"}}, "external.redis.host"),
        (
            {"redis": {"host": "redis", "password": 12345}},
            "password: must be a text, got a number: put it in quotes",
        ),
        ({"redis": {"host": "redis", "password": {"secure": "given-sso"}}}, "must be a text, got a mapping"),
        ({"redis": {"host": "redis", "password": ["given-sso"]}}, "must be a text, got list"),
        ({"redis": {"host": "redis", "password": None}}, "must be a text, got NoneType"),
        ({"kafka": {**KAFKA, "bootstrap_servers": []}}, "external.kafka.bootstrap_servers"),
        ({"oidc": {"issuer": "sso.example.org", "client": "a"}}, "external.oidc.issuer"),
    ],
)
def test_what_is_wrong_is_named_without_its_secrets(
    tmp_path: Path, external: Mapping[str, Any], expected: str
) -> None:
    assert expected in _error(tmp_path, external)


@pytest.mark.parametrize("special", [" ", "\\", "$", "{", "}", "\u00e9", "\n"])
def test_a_password_that_some_client_would_read_otherwise_is_refused(tmp_path: Path, special: str) -> None:
    sasl = {"username": "nebula", "password": f"given-sasl{special}"}
    message = _error(tmp_path, {"kafka": {**KAFKA, "sasl": sasl}})
    assert "external.kafka.sasl.password: must be of printable ASCII" in message


def test_a_secret_in_the_wrong_place_is_not_shown(tmp_path: Path) -> None:
    message = _error(tmp_path, {}, components={"postgres": {"password": "given-sso"}})
    assert "got dict" in message


def test_what_is_given_for_a_component_that_is_off_is_refused(tmp_path: Path) -> None:
    message = _error(tmp_path, {"kafka": KAFKA}, components={"kafka": False})
    assert f"{KEY}.external.kafka: components.kafka is off" in message


def test_what_is_given_is_not_exposed(tmp_path: Path) -> None:
    more = {
        "expose": {"object_store": "s3.example.org"},
        "kubernetes": {"gateway": {"name": "public", "namespace": "gateways"}},
        "cloud": "kubernetes",
    }
    assert "expose.object_store" in _error(tmp_path, {"object_store": OBJECT_STORE}, **more)
