from collections.abc import Mapping
from typing import Any

import psycopg
import pytest

from tests.apps.provisioner.conftest import Declared, Provision, Server, mint
from tests.apps.provisioner.impostor import ASK_FOR_PASSWORD, LET_IN, impostor

Database = dict[str, Any]


def declare(server: Server, *databases: Database) -> Declared:
    return {**server.spec, "databases": list(databases)}


def database(name: str, **more: Any) -> Database:
    return {"name": name, "owner": f"{name}_owner", "password": mint(), **more}


def connect(
    server: Server, name: str, user: Mapping[str, Any] | None = None
) -> psycopg.Connection[tuple[Any, ...]]:
    """Connect to a database as its owner `user`, or as the administrator."""
    login = user or {"owner": server.spec["user"], "password": server.spec["password"]}
    return psycopg.connect(
        host=server.spec["host"],
        port=server.spec["port"],
        dbname=name,
        user=login["owner"],
        password=login["password"],
        autocommit=True,
    )


def test_a_second_run_changes_nothing(postgres: Server, provision: Provision) -> None:
    spec = declare(postgres, database("twice", schemas=["audit"], replication=True))
    assert {"created role twice_owner with replication", "created schema twice.audit"} <= set(
        provision(spec).changed
    )
    again = provision(spec)
    assert again.changed == []
    assert again.stdout.splitlines()[-1] == "nothing to change"


def test_an_owner_works_in_its_own_database_and_enters_no_other(
    postgres: Server, provision: Provision
) -> None:
    one, other = database("one"), database("other")
    assert provision(declare(postgres, one, other)).code == 0
    with connect(postgres, "one", one) as connection:
        connection.execute("CREATE TABLE mine AS SELECT 1 AS value")
    for closed in ("other", "postgres", "template1"):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            connect(postgres, closed, one)


def test_a_password_is_kept_as_a_scram_verifier_and_reaches_no_log(
    postgres: Server, provision: Provision
) -> None:
    declared = database("scram")
    assert provision(declare(postgres, declared)).code == 0
    with connect(postgres, "postgres") as admin:
        row = admin.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'scram_owner'").fetchone()
    assert row is not None
    assert row[0].startswith("SCRAM-SHA-256$")
    log = postgres.log.read_text()
    assert "CREATE ROLE" in log
    assert declared["password"] not in log


def test_a_changed_password_is_set_and_the_data_stays(postgres: Server, provision: Provision) -> None:
    declared = database("rotated")
    assert provision(declare(postgres, declared)).code == 0
    with connect(postgres, "rotated", declared) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS value")
    declared["password"] = mint()
    assert provision(declare(postgres, declared)).changed == ["set the password of role rotated_owner"]
    with connect(postgres, "rotated", declared) as connection:
        assert connection.execute("SELECT value FROM kept").fetchone() == (42,)


def test_what_was_changed_by_hand_is_put_right(postgres: Server, provision: Provision) -> None:
    declared = database("edited")
    assert provision(declare(postgres, declared)).code == 0
    with connect(postgres, "postgres") as admin:
        admin.execute("ALTER ROLE edited_owner NOLOGIN REPLICATION")
        admin.execute("ALTER DATABASE edited OWNER TO postgres")
        admin.execute("GRANT CONNECT ON DATABASE edited TO PUBLIC")
    assert provision(declare(postgres, declared)).changed == [
        "changed role edited_owner: login, no replication",
        "changed the owner of database edited to edited_owner",
        "closed database edited to PUBLIC",
    ]


def test_a_database_that_is_declared_no_more_is_kept(postgres: Server, provision: Provision) -> None:
    kept = database("undeclared")
    assert provision(declare(postgres, kept)).code == 0
    assert provision(declare(postgres)).changed == []
    connect(postgres, "undeclared", kept).close()


def test_an_administrator_without_superuser_rights_suffices(postgres: Server, provision: Provision) -> None:
    admin_password = mint()
    with connect(postgres, "postgres") as admin:
        admin.execute(f"CREATE ROLE managed LOGIN CREATEROLE CREATEDB PASSWORD '{admin_password}'")
        admin.execute("GRANT CONNECT ON DATABASE postgres TO managed")
    spec = {
        **declare(postgres, database("managed_data")),
        "user": "managed",
        "password": admin_password,
        "restrict": [],
    }
    assert "created database managed_data, owned by managed_data_owner" in provision(spec).changed
    assert provision(spec).changed == []


def test_wrong_credentials_end_at_once_and_name_the_server(postgres: Server, provision: Provision) -> None:
    assert provision(declare(postgres)).code == 0
    run = provision({**declare(postgres), "password": mint(), "wait_seconds": 600})
    assert run.code == 1
    assert f"127.0.0.1:{postgres.spec['port']} refused the administrator 'postgres'" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("answer", "require_auth"),
    [(ASK_FOR_PASSWORD, "scram-sha-256"), (ASK_FOR_PASSWORD, "!password"), (LET_IN, "scram-sha-256")],
)
def test_who_took_the_port_hears_no_password_and_no_statement(
    provision: Provision, answer: bytes, require_auth: str
) -> None:
    with impostor(answer) as heard:
        spec = {
            "service": "postgres",
            "host": "127.0.0.1",
            "port": heard.port,
            "user": "postgres",
            "password": mint(),
            "wait_seconds": 1,
            "require_auth": require_auth,
            "databases": [database("secret")],
        }
        run = provision(spec)
    assert run.code == 1
    assert "authentication method requirement" in run.stderr
    assert heard.logins > 0
    assert bytes(heard.said) == b""


def test_a_real_server_is_logged_in_to_by_scram_alone(postgres: Server, provision: Provision) -> None:
    declared = database("mutual")
    assert provision({**declare(postgres, declared), "require_auth": "scram-sha-256"}).code == 0
