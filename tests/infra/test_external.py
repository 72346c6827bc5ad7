"""Servers of the user's own: none is run, each is checked first, and clients reach it as it asks."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from components.templates import render
from tests.infra import kubernetes_stack, local_stack
from tests.infra.external_servers import (
    ADMINISTERED,
    ALL,
    KAFKA,
    OBJECT_STORE,
    OIDC,
    PEM,
    POSTGRES,
    SECRETS,
)
from tests.infra.kubernetes_stack import objects
from tests.infra.local_stack import PROCESS, TASK
from tests.mocked_program import Registration, Run

_SERVED = {**{key: key for key in ALL}, "oidc": "keycloak"}


@pytest.fixture(scope="module")
def local() -> Run:
    return local_stack.run(external=ALL, topics=[{"name": "mine", "partitions": 2}])


@pytest.fixture(scope="module")
def kubernetes() -> Run:
    return kubernetes_stack.run({"external": ALL})


def _spec(registered: Run, task: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(registered.of_type(TASK)[task].inputs["secretFiles"]["spec.json"])
    return found


def _secret_file(registered: Run, process: str, path: str) -> str:
    text: str = registered.of_type(PROCESS)[process].inputs["secretFiles"][path]
    return text


@pytest.mark.parametrize("key", ALL)
def test_what_is_given_is_not_run_and_has_no_port(key: str) -> None:
    component = _SERVED[key]
    run = local_stack.run(external={key: ALL[key]})
    assert component not in run.of_type(PROCESS)
    (host,) = run.of_type("nebula-local:index:Host").values()
    assert not [port for port in host.inputs["ports"] if port.startswith(f"{component}.")]
    assert component in run.outputs["endpoints"]


@pytest.mark.parametrize("key", ALL)
def test_what_is_given_has_no_pod_and_no_claim(key: str) -> None:
    component = _SERVED[key].replace("_", "-")
    found = objects(kubernetes_stack.run({"external": {key: ALL[key]}}))
    kinds = ("StatefulSet/", "Deployment/", "Service/", "PersistentVolumeClaim/")
    assert not [
        name for name in found if name.startswith(kinds) and f"/{component}" in name.replace("_", "-")
    ]


def test_preview_registers_the_same_resources(local: Run) -> None:
    preview = local_stack.run(preview=True, external=ALL, topics=[{"name": "mine", "partitions": 2}])
    assert set(preview.resources) == set(local.resources)


def test_every_server_and_task_waits_for_the_check(local: Run) -> None:
    tasks = dict(local.of_type(TASK))
    check = tasks.pop("external-check")
    for started in (*local.of_type(PROCESS).values(), *tasks.values()):
        assert check.urn in started.dependencies, started.name


def test_every_object_of_the_platform_waits_for_the_check(kubernetes: Run) -> None:
    found = dict(objects(kubernetes))
    check = found["Job/external-check"]
    before = {name for name, r in found.items() if check.urn not in r.dependencies}
    own = {name for name in before if "external-check" in name}
    assert before - own == {"Namespace/nebula-lab", "NetworkPolicy/network"}


def test_everything_that_is_given_is_checked(local: Run) -> None:
    checked = [
        (each["kind"], each["key"].removeprefix("nebula:platform."))
        for each in _spec(local, "external-check")["endpoints"]
    ]
    assert checked == [
        ("postgres", "external.postgres.databases.iceberg_catalog"),
        ("postgres", "external.postgres.databases.keycloak"),
        ("object_store", "external.object_store"),
        ("kafka", "external.kafka"),
        ("redis", "external.redis"),
        ("oidc", "external.oidc"),
    ]


def test_a_bucket_is_checked_by_its_own_name_with_the_key_that_needs_it(local: Run) -> None:
    (common,) = [e for e in _spec(local, "external-check")["endpoints"] if e["kind"] == "object_store"]
    assert set(common["buckets"]) == {"acme-lake", "acme.landing", "checkpoints"}
    trino = {"access_key": "AKIATRINO", "secret_key": "given-trino"}
    run = local_stack.run(external={"object_store": {**OBJECT_STORE, "services": {"trino": trino}}})
    given = {e["access_key"]: e["buckets"] for e in _spec(run, "external-check")["endpoints"]}
    assert given["AKIATRINO"] == ["acme-lake"]
    assert "s3.aws-access-key=AKIATRINO\n" in _secret_file(run, "trino", "etc/catalog/lakehouse.properties")


def test_clients_of_postgres_verify_it_and_use_the_database_named(local: Run) -> None:
    query = "?sslmode=verify-full&sslrootcert={run}/postgres-ca.pem"
    nessie = _secret_file(local, "iceberg_catalog", "nessie.properties")
    assert f"jdbc.url=jdbc:postgresql://db.example.org:6432/lake_catalog{query}\n" in nessie
    assert "quarkus.datasource.postgresql.username=nessie\n" in nessie
    assert local.of_type(PROCESS)["iceberg_catalog"].inputs["files"]["postgres-ca.pem"] == PEM
    sso = local_stack.run(external={"postgres": POSTGRES}).of_type(PROCESS)["keycloak"].inputs
    assert sso["env"]["KC_DB_URL"] == f"jdbc:postgresql://db.example.org:6432/keycloak{query}"
    assert sso["files"]["postgres-ca.pem"] == PEM


def test_clients_of_the_object_store_follow_its_url_and_names(local: Run) -> None:
    nessie = _secret_file(local, "iceberg_catalog", "nessie.properties")
    assert "warehouses.warehouse.location=s3://acme-lake/\n" in nessie
    assert "default-options.endpoint=https://s3.example.org\n" in nessie
    assert "default-options.path-style-access=false\n" in nessie
    trino = _secret_file(local, "trino", "etc/catalog/lakehouse.properties")
    assert "s3.endpoint=https://s3.example.org\n" in trino
    assert "s3.region=eu-west-1\n" in trino
    flights = _spec(local, "flights-pipeline")
    assert flights["buckets"] == {"bronze": "acme.landing"}
    assert flights["object_store"]["tls"] is True
    assert flights["object_store"]["path_style"] is False
    assert flights["object_store"]["ca_file"] == "{run}/object_store-ca.pem"
    assert flights["spark"]["conf"]["spark.sql.catalog.lakehouse.s3.endpoint"] == "https://s3.example.org"


def test_topics_are_created_unless_they_are_the_users(local: Run) -> None:
    made = _spec(local, "kafka-topics")
    assert made["bootstrap_servers"] == "k1.example.org:9093,k2.example.org:9094"
    assert (made["security_protocol"], made["username"]) == ("SASL_SSL", "nebula")
    assert [(topic["name"], topic["replication_factor"]) for topic in made["topics"]] == [("mine", 3)]
    run = local_stack.run(external={"kafka": {**KAFKA, "create_topics": False}}, topics=[{"name": "mine"}])
    assert "kafka-topics" not in run.of_type(TASK)
    assert _spec(run, "external-check")["endpoints"][0]["topics"] == ["mine"]


def test_an_administrator_creates_databases_and_closes_none_of_others() -> None:
    run = local_stack.run(external={"postgres": ADMINISTERED}, databases=["mine"])
    made = _spec(run, "postgres-databases")
    assert [database["name"] for database in made["databases"]] == ["iceberg_catalog", "keycloak", "mine"]
    assert (made["restrict"], made["sslmode"], made["user"]) == ([], "require", "dba")
    (checked,) = _spec(run, "external-check")["endpoints"]
    assert (checked["access"], checked["key"]) == ("administer", "nebula:platform.external.postgres.admin")
    databases = run.of_type(TASK)["postgres-databases"]
    assert databases.urn in run.of_type(PROCESS)["keycloak"].dependencies


def test_the_issuer_is_exported_to_the_letter(local: Run) -> None:
    exported = local.outputs["endpoints"]["keycloak"]
    assert exported["issuer"] == OIDC["issuer"]
    assert exported["client"] == "lakehouse"
    assert local.outputs["endpoints"]["kafka"] == {
        "bootstrap_servers": "k1.example.org:9093,k2.example.org:9094",
        "security_protocol": "SASL_SSL",
    }


def _trust_store(pod: Mapping[str, Any], found: Mapping[str, Registration]) -> tuple[str, str]:
    """Where the store's issuers are mounted in a pod's one container, and what is there, in Base64."""
    (mount,) = [each for each in pod["containers"][0]["volumeMounts"] if each["mountPath"].endswith(".p12")]
    (volume,) = [each["configMap"] for each in pod["volumes"] if each["name"] == mount["name"]]
    (item,) = [each for each in volume["items"] if each["path"] == mount["subPath"]]
    maps = [each.inputs for name, each in found.items() if name.startswith("ConfigMap/")]
    (held,) = [each for each in maps if each["metadata"]["name"] == volume["name"]]
    return mount["mountPath"], held["binaryData"][item["key"]]


def test_executors_that_are_pods_trust_the_stores_authority_as_their_driver_does(kubernetes: Run) -> None:
    found = objects(kubernetes)
    template = json.loads(found["ConfigMap/flights-pipeline-files"].inputs["data"]["executor.json"])
    driver = found["Job/flights-pipeline"].inputs["spec"]["template"]["spec"]
    path, store = _trust_store(template["spec"], found)
    assert (path, store) == _trust_store(driver, found)
    assert len(load_pkcs12(base64.b64decode(store), None).additional_certs) == 1
    spec = json.loads(base64.b64decode(found["Secret/flights-pipeline-secrets"].inputs["data"]["spec.json"]))
    for each in ("driver", "executor"):
        options = spec["spark"]["conf"][f"spark.{each}.extraJavaOptions"].split()
        assert f"-Djavax.net.ssl.trustStore={path}" in options
        assert "-Djavax.net.ssl.trustStoreType=PKCS12" in options


def test_redis_is_checked_by_its_own_authority_and_handed_on(local: Run) -> None:
    (checked,) = [each for each in _spec(local, "external-check")["endpoints"] if each["kind"] == "redis"]
    assert (checked["tls"], checked["ca_file"]) == (True, "{run}/redis-ca.pem")
    assert local.of_type(TASK)["external-check"].inputs["files"]["redis-ca.pem"] == PEM
    reached = {"host": "cache.example.org", "port": 6390, "url": "rediss://cache.example.org:6390"}
    assert local.outputs["endpoints"]["redis"] == reached
    assert local.outputs["credentials"]["redis"] == {"username": "default", "password": "given-redis"}


def test_redis_without_tls_is_handed_on_as_such() -> None:
    run = local_stack.run(external={"redis": {"host": "cache", "tls": "disabled", "password": "given-redis"}})
    assert run.outputs["endpoints"]["redis"]["url"] == "redis://cache:6379"


def _ways_out(registered: Run) -> dict[str, set[int]]:
    """The ports that each workload may reach outside."""
    found = {}
    for name, policy in objects(registered).items():
        if name.startswith("NetworkPolicy/") and name.endswith("-to-outside"):
            (rule,) = policy.inputs["spec"]["egress"]
            assert not rule.get("to")
            ports = {int(port["port"]) for port in rule["ports"]}
            client = policy.inputs["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
            found[client] = ports
    return found


def test_policies_open_the_way_out_to_what_a_workload_is_linked_to(kubernetes: Run) -> None:
    assert _ways_out(kubernetes) == {
        "external-check": {6432, 443, 9093, 9094, 6390},
        "kafka-topics": {9093, 9094},
        "iceberg-catalog": {6432, 443},
        "trino": {443},
        "spark-executor": {443},
        "flights-pipeline": {443},
    }


def test_nothing_goes_out_without_a_server_outside() -> None:
    assert not _ways_out(kubernetes_stack.run())


def _leaks(resources: Mapping[str, Registration]) -> list[str]:
    return [
        f"{secret} in {resource.urn}"
        for resource in resources.values()
        for secret in SECRETS
        if secret in json.dumps(resource.plain_inputs, default=str)
    ]


@pytest.mark.parametrize(
    "stack",
    [
        lambda external: local_stack.run(external=external),
        lambda external: kubernetes_stack.run({"external": external}),
    ],
    ids=["local", "kubernetes"],
)
@pytest.mark.parametrize("postgres", [POSTGRES, ADMINISTERED], ids=["owners", "admin"])
def test_no_given_secret_stands_in_a_plain_input(
    stack: Callable[[object], Run], postgres: Mapping[str, object]
) -> None:
    run = stack({**ALL, "postgres": postgres})
    assert not _leaks(run.resources)
    assert not [secret for secret in SECRETS if secret in json.dumps(run.outputs["endpoints"], default=str)]


def test_the_users_secrets_reach_those_who_need_them(local: Run) -> None:
    """The counterpart of the test above, which would also pass if they were lost."""
    assert "password=given-nessie\n" in _secret_file(local, "iceberg_catalog", "nessie.properties")
    assert _spec(local, "kafka-topics")["password"] == "given-sasl"
    assert "s3.aws-secret-key=given-secret-key\n" in _secret_file(
        local, "trino", "etc/catalog/lakehouse.properties"
    )


_BRACES = "{run}-{data}-{home.nats}-{a"


def test_what_a_user_wrote_reaches_the_provisioner_as_written() -> None:
    """Beside the path of a certificate, which is a placeholder that the cluster fills."""
    kafka = {**KAFKA, "ca": PEM}
    registered = local_stack.run(
        external={"kafka": kafka},
        topics=[{"name": "mine", "config": {"vendor.{run}": _BRACES, "ca_file": _BRACES}}],
        streams=[{"name": "EVENTS", "subjects": [f"events.{_BRACES.replace('.', '-')}.>"]}],
        keycloak={"redirect_uris": [f"https://b.example/{_BRACES}"]},
    )

    def rendered(task: str) -> dict[str, Any]:
        text = registered.of_type(TASK)[task].inputs["secretFiles"]["spec.json"]
        found: dict[str, Any] = json.loads(render(text, {"run": "/run-of-it"}))
        return found

    topics = rendered("kafka-topics")
    assert topics["topics"][0]["config"] == {"vendor.{run}": _BRACES, "ca_file": _BRACES}
    assert topics["ca_file"] == "/run-of-it/kafka-ca.pem"
    assert rendered("nats-streams")["streams"][0]["subjects"] == [f"events.{_BRACES.replace('.', '-')}.>"]
    assert rendered("keycloak-realm")["clients"][0]["redirect_uris"] == [f"https://b.example/{_BRACES}"]
