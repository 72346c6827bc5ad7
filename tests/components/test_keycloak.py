"""Keycloak: its database, its realm and its first users."""

import json

from components.keycloak import Keycloak, KeycloakArgs
from components.sizing import Size
from tests.components import servers
from tests.components.recorded import RecordingCluster, foundation, recorded


def _built(size: Size = "laptop") -> RecordingCluster:
    def program(cluster: RecordingCluster) -> None:
        args = KeycloakArgs(
            foundation=foundation(cluster, size),
            database=servers.database("keycloak"),
            redirect_uris=("https://lake.example/*",),
        )
        Keycloak("keycloak", args)

    return recorded(program)


def test_the_realm_has_one_client_without_direct_grants() -> None:
    (client,) = json.loads(_built().files["keycloak-realm"]["spec.json"])["clients"]
    assert client["redirect_uris"] == ["https://lake.example/*"]
    assert "direct_grants" not in client


def test_one_replica_shares_no_cache_and_two_do() -> None:
    alone, both = _built().programs["keycloak"], _built("production").programs["keycloak"]
    assert (alone.env["KC_CACHE"], both.env["KC_CACHE"]) == ("local", "ispn")
    assert set(both.ports) - set(alone.ports) == {"jgroups", "jgroups-fd"}


def test_it_reaches_its_database_alone() -> None:
    assert _built().links("keycloak") == {("postgres", ("sql",))}


def test_passwords_are_in_the_secret_environment() -> None:
    assert set(_built().programs["keycloak"].secret_env) == {"KC_DB_PASSWORD", "KC_BOOTSTRAP_ADMIN_PASSWORD"}


def test_no_secret_stands_where_anybody_may_read_it() -> None:
    cluster = _built()
    assert any("secret-of-" in text for files in cluster.files.values() for text in files.values())
    assert not [text for texts in cluster.open_texts.values() for text in texts if "secret-of-" in text]
