"""Digests of tags, asked of a stand-in registry on loopback by the OCI distribution protocol."""

import socket
import time
from collections.abc import Iterator

import pytest

from infra.versions.container_registry import RegistryError, Tag, UnreachableError, digests, parse
from tests.infra.versions.stand_in_registry import DIGEST, StandInRegistry, stand_in_registry

_SECONDS = 5.0


@pytest.fixture
def registry() -> Iterator[StandInRegistry]:
    with stand_in_registry() as served:
        yield served


def _answer(reference: str, seconds: float = _SECONDS) -> str | RegistryError:
    return digests([reference], seconds)[reference]


@pytest.mark.parametrize(
    ("reference", "tag"),
    [
        ("postgres:18", Tag("registry-1.docker.io", "library/postgres", "18")),
        ("trinodb/trino:1", Tag("registry-1.docker.io", "trinodb/trino", "1")),
        ("docker.io/minio/minio:1", Tag("registry-1.docker.io", "minio/minio", "1")),
        ("quay.io/keycloak/keycloak:26", Tag("quay.io", "keycloak/keycloak", "26")),
        ("host:5000/app:1", Tag("host:5000", "app", "1")),
    ],
)
def test_a_reference_is_parsed_as_docker_does(reference: str, tag: Tag) -> None:
    assert parse(reference) == tag


@pytest.mark.parametrize("reference", ["postgres", "host:5000/app"])
def test_a_reference_without_a_tag_is_refused(reference: str) -> None:
    with pytest.raises(ValueError, match="has no tag"):
        parse(reference)


def test_only_a_registry_on_this_machine_is_asked_without_tls() -> None:
    assert parse("postgres:18").manifest == "https://registry-1.docker.io/v2/library/postgres/manifests/18"
    assert parse("127.0.0.1:5000/app:1").manifest.startswith("http://127.0.0.1:5000/")
    assert parse("host:80/app:1").manifest.startswith("https://host:80/")


def test_the_digest_is_told_to_whoever_brings_a_token(registry: StandInRegistry) -> None:
    assert _answer(registry.app) == DIGEST
    manifest = "/v2/team/app/manifests/1"
    assert registry.requests == [("HEAD", manifest), ("GET", "/token"), ("HEAD", manifest)]


def test_a_registry_that_leaves_the_digest_out_sends_the_manifest(registry: StandInRegistry) -> None:
    registry.says_digest = False
    assert _answer(registry.app) == DIGEST
    assert registry.requests[-1][0] == "GET"


def test_a_tag_that_is_not_there_is_named(registry: StandInRegistry) -> None:
    answer = _answer(f"{registry.host}/team/app:2")
    assert isinstance(answer, RegistryError)
    assert not isinstance(answer, UnreachableError)
    assert "/team/app:2" in str(answer)
    assert "no such tag" in str(answer)


@pytest.mark.parametrize(("status", "unreachable"), [(403, False), (429, False), (503, True)])
def test_a_registry_that_fails_counts_as_unreachable_and_one_that_refuses_does_not(
    registry: StandInRegistry, status: int, unreachable: bool
) -> None:
    registry.status = status
    answer = _answer(registry.app)
    assert isinstance(answer, RegistryError)
    assert isinstance(answer, UnreachableError) is unreachable
    assert str(status) in str(answer)


@pytest.mark.parametrize("challenge", ['Basic realm="x"', 'Bearer realm="file:///etc/passwd"', ""])
def test_a_registry_that_wants_other_credentials_is_named(registry: StandInRegistry, challenge: str) -> None:
    registry.challenge = challenge
    answer = _answer(registry.app)
    assert isinstance(answer, RegistryError)
    assert "credentials" in str(answer)


def test_what_is_no_digest_is_refused(registry: StandInRegistry) -> None:
    registry.digest = "sha256:short"
    assert "no sha256 digest" in str(_answer(registry.app))


def test_registries_that_do_not_answer_cost_one_timeout_together(registry: StandInRegistry) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
        closed.close()
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        names = [f"{host}/team/app:{number}" for number in range(8)]
        began = time.monotonic()
        answers = digests([*names, f"127.0.0.1:{port}/app:1", registry.app], 1.0)
        taken = time.monotonic() - began
    assert taken < 3.0
    assert answers[registry.app] == DIGEST
    assert all(isinstance(answers[name], UnreachableError) for name in (*names, f"127.0.0.1:{port}/app:1"))
