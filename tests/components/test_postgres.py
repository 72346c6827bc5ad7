"""Postgres: its configuration, its databases and who knows their passwords."""

import json

from components.postgres import Postgres, PostgresArgs
from components.sizing import Size
from tests.components.recorded import RecordingCluster, foundation, recorded


def _built(size: Size = "laptop") -> RecordingCluster:
    def program(cluster: RecordingCluster) -> None:
        Postgres("postgres", PostgresArgs(foundation=foundation(cluster, size), databases=("keycloak",)))

    return recorded(program)


def test_it_serves_logins_by_scram_only_and_change_data_capture() -> None:
    files = _built().files["postgres"]
    assert "wal_level = logical" in files["postgresql.conf"]
    methods = {line.split()[-1] for line in files["pg_hba.conf"].splitlines() if line.startswith("host")}
    assert methods == {"scram-sha-256"}


def test_a_quarter_of_the_memory_is_shared_buffers() -> None:
    assert "shared_buffers = 2048MB" in _built("production").files["postgres"]["postgresql.conf"]


def test_each_database_has_an_owner_with_a_password_of_its_own() -> None:
    spec = json.loads(_built().files["postgres-databases"]["spec.json"])
    assert spec["databases"] == [
        {"name": "keycloak", "owner": "keycloak", "password": "secret-of-postgres-keycloak"}
    ]
    assert spec["password"] == "secret-of-postgres-superuser"


def test_the_provisioner_reaches_sql_alone() -> None:
    assert _built().links("postgres-databases") == {("postgres", ("sql",))}


def test_no_secret_stands_where_anybody_may_read_it() -> None:
    cluster = _built()
    assert any("secret-of-" in text for files in cluster.files.values() for text in files.values())
    assert not [text for texts in cluster.open_texts.values() for text in texts if "secret-of-" in text]
