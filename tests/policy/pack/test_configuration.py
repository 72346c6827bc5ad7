"""What the pack learns of a stack."""

import json
from pathlib import Path

import pytest

from policy.pack.configuration import KEY, path_for_pulumi, stack_file, stack_of
from policy.pack.model import Budget

PLATFORM = {
    "cloud": "aws",
    "size": "small",
    "aws": {"region": "eu-west-1"},
    "expose": {"trino": "trino.example"},
}


def _config(**changes: object) -> dict[str, str]:
    return {KEY: json.dumps({**PLATFORM, **changes})}


def _project(directory: Path, config: str) -> Path:
    (directory / "stacks").mkdir()
    (directory / "infra").mkdir()
    (directory / "Pulumi.yaml").write_text("name: nebula\nruntime: python\nstackConfigDir: stacks\n")
    (directory / "stacks" / "Pulumi.dev.yaml").write_text(config)
    found = stack_file(directory / "infra", "dev")
    assert found is not None
    return found


def test_size_expose_and_region_come_from_the_stack_file() -> None:
    stack = stack_of(_config(), (), None)

    assert (stack.cloud, stack.size, stack.production) == ("aws", "small", False)
    assert stack.exposed == {"trino"}
    assert stack.regions == {"eu-west-1"}
    assert stack.budget is None
    assert not stack.ends
    assert stack_of(_config(ttl="2027-01-01"), (), None).ends


def test_a_budget_and_further_regions_are_the_stack_files_own() -> None:
    policy = {"regions": ["EU", "europe-west1"], "budget": {"instances": 3, "types": ["e2-*"]}}
    stack = stack_of(_config(policy=policy), (), None)

    assert stack.regions == {"eu", "europe-west1"}
    assert stack.budget == Budget(3, ("e2-*",))


def test_a_stack_that_says_nothing_is_judged_as_production() -> None:
    assert stack_of({}, (), None).production


def test_a_secret_in_clear_is_found_by_its_key_or_its_form(tmp_path: Path) -> None:
    key = "AKIA" + "Z" * 16
    file = _project(
        tmp_path,
        "config:\n"
        "  nebula:platform:\n"
        "    external:\n"
        "      postgres: {admin: {username: root, password: hunter2}}\n"
        "      object_store: {access_key: app, secret_key: {secure: v1:abc}}\n"
        "    trino: {catalogs: {a: {connection-password: '${ENV:PASSWORD}', x: " + key + "}}}\n"
        "    kubernetes: {images: {pull_secrets: [registry]}, load_balancer: {tls_secret: tls}}\n"
        "    oidc: {client_secret: abc}\n"
        "  aws:region: eu-west-1\n"
        "  other:token: abc\n",
    )
    assert stack_of(_config(), (), file).plain_secrets == (
        "nebula:platform.external.postgres.admin.password",
        "nebula:platform.trino.catalogs.a.x",
        "nebula:platform.oidc.client_secret",
        "other:token",
    )


def test_without_a_file_what_the_engine_calls_secret_is_not_held_to_be_clear() -> None:
    config = _config(external={"postgres": {"password": "hunter2"}})

    assert stack_of(config, {KEY}, None).plain_secrets == ()
    assert stack_of(config, (), None).plain_secrets == ("nebula:platform.external.postgres.password",)


SECRETS = (
    *(
        "connection-password",
        "keystore-password",
        "keystore-user-credential-password",
        "mongodb.tls.keystore-password",
    ),
    *(
        "s3.aws-secret-key",
        "s3.sse.customer-key",
        "s3.http-proxy.password",
        "azure.access-key",
        "azure.oauth.secret",
    ),
    *("gcs.json-key", "hive.azure.abfs-access-key", "hive.azure.adl-credential", "hive.s3.aws-secret-key"),
    *("hive.metastore.glue.aws-secret-key", "hive.metastore.thrift.client.ssl.key-password"),
    *(
        "hive.metastore.thrift.client.ssl.trust-certificate-password",
        "iceberg.jdbc-catalog.connection-password",
    ),
    *("iceberg.rest-catalog.oauth2.credential", "iceberg.rest-catalog.oauth2.token"),
    *(
        "iceberg.nessie-catalog.authentication.token",
        "iceberg.snowflake-catalog.password",
        "cassandra.password",
    ),
    *(
        "kafka.ssl.keystore.password",
        "kafka.ssl.key.password",
        "elasticsearch.auth.password",
        "redis.password",
    ),
    *("elasticsearch.aws.secret-key", "bigquery.credentials-key", "gsheets.credentials-key"),
    *("pinot.broker.authentication.password", "prometheus.auth.password", "http-client.trust-store-password"),
    *("http-client.https.automatic-shared-secret", "ldap.ssl.truststore.password"),
)
"""Properties that Trino's connectors mark as sensitive."""
NO_SECRETS = (
    *(
        "connector.name",
        "connection-user",
        "s3.aws-access-key",
        "elasticsearch.aws.access-key",
        "s3.endpoint",
    ),
    *(
        "azure.oauth.client-id",
        "bigquery.credentials-file",
        "prometheus.bearer.token.file",
        "gcs.json-key-file-path",
    ),
    *("iceberg.rest-catalog.oauth2.server-uri", "iceberg.rest-catalog.oauth2.token-refresh-enabled"),
    *("keystore-file-path", "connection-url"),
)


def _catalog(name: str, value: object) -> tuple[str, ...]:
    config = _config(trino={"catalogs": {"archive": {name: value}}})
    return stack_of(config, (), None).plain_secrets


@pytest.mark.parametrize("name", SECRETS)
def test_what_a_connector_marks_as_sensitive_is_not_in_clear(name: str) -> None:
    assert len(_catalog(name, "hunter2")) == 1
    assert len(_catalog(name, 12345678)) == 1
    assert _catalog(name, "${ENV:WORD}") == ()
    assert _catalog(name, {"secure": "v1:abc"}) == ()


@pytest.mark.parametrize("name", NO_SECRETS)
def test_what_else_a_catalog_has_may_be_in_clear(name: str) -> None:
    assert _catalog(name, "given") == ()


def test_an_address_with_a_password_is_not_in_clear() -> None:
    assert _catalog("connection-url", "jdbc:postgresql://db/app?user=a&password=hunter2")
    assert _catalog("mongodb.connection-url", "mongodb://app:" + "hunter2@db.example")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("nebula:platform", "oidc", "client_secret"), "nebula:platform.oidc.client_secret"),
        (("nebula:platform", "a", "s3.aws-secret-key"), 'nebula:platform.a["s3.aws-secret-key"]'),
        (("nebula:platform", "connection-password"), "nebula:platform.connection-password"),
        (("nebula:platform", "list", 2, "password"), "nebula:platform.list[2].password"),
        (("other:token",), "other:token"),
    ],
)
def test_a_path_is_as_pulumi_takes_it(path: tuple[str | int, ...], text: str) -> None:
    assert path_for_pulumi(path) == text


def test_no_file_is_found_where_there_is_no_project(tmp_path: Path) -> None:
    assert stack_file(tmp_path, "dev") is None
