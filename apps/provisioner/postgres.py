"""Postgres: a role and a database of its own for each service, closed to the others."""

from collections.abc import Mapping

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from apps.provisioner.changes import Changes
from apps.provisioner.errors import LoginError, ProvisionError, one_line
from apps.provisioner.specs import Database, PostgresSpec
from apps.provisioner.waiting import CONNECT_SECONDS, wait_for_server

Connection = psycopg.Connection[TupleRow]


def converge(spec: PostgresSpec, changes: Changes) -> None:
    """Roles, databases, their privacy and schemas. Raises ProvisionError."""
    try:
        with _wait(spec) as admin:
            for owner, databases in _by_owner(spec.databases).items():
                _converge_role(admin, spec, owner, databases, changes)
            for name in spec.restrict:
                _make_private(admin, name, changes)
    except psycopg.Error as error:
        raise ProvisionError(f"Postgres at {spec.host}:{spec.port}: {one_line(error)}") from error


def _wait(spec: PostgresSpec) -> Connection:
    def transient(error: BaseException) -> bool:
        return isinstance(error, psycopg.OperationalError) and "authentication failed" not in str(error)

    try:
        return wait_for_server(
            "Postgres",
            f"{spec.host}:{spec.port}",
            lambda: _connect(spec, spec.database, spec.user, spec.password.get_secret_value()),
            transient,
            spec.wait_seconds,
        )
    except psycopg.OperationalError as error:
        raise LoginError(
            f"Postgres at {spec.host}:{spec.port} refused the administrator {spec.user!r} "
            f"({one_line(error)}): check user and password against the ones it was initialised with"
        ) from error


def _connect(spec: PostgresSpec, database: str, user: str, password: str) -> Connection:
    return psycopg.connect(
        host=spec.host,
        port=spec.port,
        dbname=database,
        user=user,
        password=password,
        sslmode=spec.sslmode,
        require_auth=spec.require_auth,
        sslrootcert=spec.ca_file,
        connect_timeout=CONNECT_SECONDS,
        application_name="provisioner",
        autocommit=True,
    )


def _by_owner(databases: tuple[Database, ...]) -> Mapping[str, list[Database]]:
    owners: dict[str, list[Database]] = {}
    for database in databases:
        owners.setdefault(database.owner, []).append(database)
    return owners


def _converge_role(
    admin: Connection, spec: PostgresSpec, owner: str, databases: list[Database], changes: Changes
) -> None:
    password = databases[0].password.get_secret_value()
    created = _ensure_role(admin, owner, password, any(each.replication for each in databases), changes)
    _allow_handing_over(admin, owner)
    for database in databases:
        _ensure_database(admin, database, changes)
        _make_private(admin, database.name, changes)
    if not created:
        _ensure_password(admin, spec, databases[0], changes)
    for database in databases:
        _ensure_schemas(spec, database, changes)


def _ensure_role(admin: Connection, role: str, password: str, replication: bool, changes: Changes) -> bool:
    """True if the role had to be created."""
    row = admin.execute(
        "SELECT rolcanlogin, rolreplication FROM pg_roles WHERE rolname = %s", [role]
    ).fetchone()
    replicates = sql.SQL("REPLICATION" if replication else "NOREPLICATION")
    if row is None:
        admin.execute(
            sql.SQL("CREATE ROLE {} LOGIN {} PASSWORD {}").format(
                sql.Identifier(role), replicates, sql.Literal(_verifier(admin, role, password))
            )
        )
        changes.add(f"created role {role}{' with replication' if replication else ''}")
        return True
    if row != (True, replication):
        admin.execute(sql.SQL("ALTER ROLE {} LOGIN {}").format(sql.Identifier(role), replicates))
        changes.add(f"changed role {role}: login, {'replication' if replication else 'no replication'}")
    return False


def _verifier(connection: Connection, role: str, password: str) -> str:
    """The SCRAM verifier, made here so that the password itself never reaches the server's log."""
    return connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()


def _allow_handing_over(admin: Connection, owner: str) -> None:
    """An administrator that is not a superuser (a managed server's) may give a database only to a
    role that it can become; CREATEROLE lets it grant itself that."""
    row = admin.execute(
        "SELECT rolsuper OR pg_has_role(%s, 'SET') FROM pg_roles WHERE rolname = current_user", [owner]
    ).fetchone()
    if row != (True,):
        admin.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(owner)))


def _ensure_database(admin: Connection, database: Database, changes: Changes) -> None:
    name, owner = sql.Identifier(database.name), sql.Identifier(database.owner)
    row = admin.execute(
        "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", [database.name]
    ).fetchone()
    if row is None:
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, owner))
        changes.add(f"created database {database.name}, owned by {database.owner}")
    elif row != (database.owner,):
        admin.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(name, owner))
        changes.add(f"changed the owner of database {database.name} to {database.owner}")


def _make_private(admin: Connection, database: str, changes: Changes) -> None:
    if not _open_to_public(admin, database):
        return
    admin.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))
    if _open_to_public(admin, database):  # the server only warns when it is not the revoker's to revoke
        raise ProvisionError(
            f"everybody may still connect to database {database}, which the administrator does not own: "
            "have its owner revoke CONNECT from PUBLIC, or leave it out of `restrict`"
        )
    changes.add(f"closed database {database} to PUBLIC")


def _open_to_public(admin: Connection, database: str) -> bool:
    row = admin.execute(
        "SELECT has_database_privilege('public', oid, 'CONNECT') FROM pg_database WHERE datname = %s",
        [database],
    ).fetchone()
    if row is None:
        raise ProvisionError(f"there is no database {database!r} to restrict: correct `restrict`")
    return bool(row[0])


def _ensure_password(admin: Connection, spec: PostgresSpec, database: Database, changes: Changes) -> None:
    password = database.password.get_secret_value()
    try:
        _connect(spec, database.name, database.owner, password).close()
    except psycopg.OperationalError:
        admin.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                sql.Identifier(database.owner), sql.Literal(_verifier(admin, database.owner, password))
            )
        )
        # Not the password's fault when this one fails too: its error says what is.
        _connect(spec, database.name, database.owner, password).close()
        changes.add(f"set the password of role {database.owner}")


def _ensure_schemas(spec: PostgresSpec, database: Database, changes: Changes) -> None:
    if not database.schemas:
        return
    with _connect(spec, database.name, database.owner, database.password.get_secret_value()) as connection:
        present = {name for (name,) in connection.execute("SELECT nspname FROM pg_namespace")}
        for schema in database.schemas:
            if schema not in present:
                connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
                changes.add(f"created schema {database.name}.{schema}")
