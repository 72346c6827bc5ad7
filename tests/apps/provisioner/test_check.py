"""Servers that somebody else runs: reached with what was given, and nothing changed there."""

import json
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

import psycopg
import pytest
from minio import Minio
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from tests.apps.provisioner.conftest import Declared, Provision, Server, mint
from tests.apps.provisioner.impostor import ASK_FOR_PASSWORD, impostor
from tests.apps.provisioner.servers import free_port, home, private_directory, running
from tests.apps.provisioner.tls_front import tls_front
from tests.testbed.certificates import CertificateAuthority

_OWNER = "check_owner"


def _check(*endpoints: Declared) -> Declared:
    return {"service": "check", "wait_seconds": 2, "endpoints": list(endpoints)}


@pytest.fixture(scope="module")
def database(postgres: Server) -> Declared:
    """A database with an owner of its own."""
    password = mint()
    reached = {key: postgres.spec[key] for key in ("host", "port")}
    with psycopg.connect(
        **reached, dbname="postgres", user="postgres", password=postgres.spec["password"], autocommit=True
    ) as admin:
        admin.execute(f"CREATE ROLE {_OWNER} LOGIN PASSWORD '{password}'")
        admin.execute(f"CREATE DATABASE given OWNER {_OWNER}")
        admin.execute("CREATE DATABASE of_others")
    return {
        "kind": "postgres",
        "key": "databases.given",
        **reached,
        "user": _OWNER,
        "password": password,
        "database": "given",
    }


@pytest.fixture(scope="module")
def buckets(object_store: Declared) -> Declared:
    client = Minio(
        endpoint=object_store["endpoint"],
        access_key=object_store["access_key"],
        secret_key=object_store["secret_key"],
        secure=False,
    )
    client.make_bucket(bucket_name="given")
    reached = {key: object_store[key] for key in ("endpoint", "access_key", "secret_key")}
    return {"kind": "object_store", "key": "external.object_store", **reached, "buckets": ["given"]}


def test_what_is_right_passes_and_changes_nothing(
    database: Declared, buckets: Declared, provision: Provision
) -> None:
    assert provision(_check(database, buckets)).changed == []


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"password": "wrong-password"}, "password authentication failed"),
        ({"database": "missing"}, '"missing" does not exist'),
        ({"database": "of_others"}, "may not create tables there"),
        ({"access": "administer"}, "may not create databases and roles"),
        ({"sslmode": "require"}, "does not support SSL"),
    ],
)
def test_a_wrong_login_is_named_with_its_key_and_cause(
    database: Declared, provision: Provision, changes: Declared, cause: str
) -> None:
    run = provision(_check({**database, **changes}))
    assert run.code == 1
    assert "databases.given: Postgres at 127.0.0.1" in run.stderr
    assert cause in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_a_server_that_asks_for_the_password_in_clear_does_not_get_it(
    database: Declared, provision: Provision
) -> None:
    with impostor(ASK_FOR_PASSWORD) as heard:
        run = provision(_check({**database, "port": heard.port, "require_auth": "!password"}))
    assert run.code == 1
    assert "let the server ask for SCRAM" in run.stderr
    assert bytes(heard.said) == b""


def test_an_administrator_may_create_databases(
    postgres: Server, database: Declared, provision: Provision
) -> None:
    admin = {"user": "postgres", "password": postgres.spec["password"], "access": "administer"}
    assert provision(_check({**database, **admin, "database": "postgres"})).code == 0


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"buckets": ["given", "absent"]}, "bucket 'absent': NoSuchBucket"),
        ({"secret_key": "wrong-secret-key"}, "SignatureDoesNotMatch"),
        ({"tls": True}, "correct the url or ca"),
    ],
)
def test_a_wrong_bucket_or_key_is_named_with_its_cause(
    buckets: Declared, provision: Provision, changes: Declared, cause: str
) -> None:
    run = provision(_check({**buckets, **changes}))
    assert run.code == 1
    assert "external.object_store: object store at 127.0.0.1" in run.stderr
    assert cause in run.stderr


def test_every_endpoint_that_fails_is_named(
    database: Declared, buckets: Declared, provision: Provision
) -> None:
    run = provision(_check({**database, "database": "missing"}, {**buckets, "buckets": ["absent"]}))
    assert "databases.given: " in run.stderr
    assert "external.object_store: " in run.stderr


def test_kafka_gives_its_metadata_and_its_topics(kafka: Declared, provision: Provision) -> None:
    given = {"kind": "kafka", "key": "external.kafka", "bootstrap_servers": kafka["bootstrap_servers"]}
    assert provision(_check(given)).code == 0
    run = provision(_check({**given, "topics": ["of.nobody"]}))
    assert run.code == 1
    assert "has no topic of.nobody" in run.stderr


def test_brokers_that_do_not_answer_are_named(provision: Provision) -> None:
    closed = f"127.0.0.1:{free_port()}"
    run = provision(_check({"kind": "kafka", "key": "external.kafka", "bootstrap_servers": closed}))
    assert run.code == 1
    assert f"external.kafka: Kafka at {closed} did not answer" in run.stderr


class _Documents(BaseHTTPRequestHandler):
    """A discovery document that names the issuer without the slash of `/slash/`."""

    scheme = "http"

    def do_GET(self) -> None:
        issuer = f"{self.scheme}://127.0.0.1:{self.connection.getsockname()[1]}/realms/given"
        found = self.path.startswith(("/realms/given/", "/slash/"))
        body = json.dumps({"issuer": issuer}).encode() if found else b"not here"
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, *_: Any) -> None:
        """Nothing is logged."""


class _SecureDocuments(_Documents):
    scheme = "https"


@pytest.fixture(scope="module")
def issuers() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Documents) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("/realms/given", None),
        ("/slash", "write exactly that"),
        ("/nowhere", "without a discovery document"),
    ],
)
def test_an_issuer_is_the_one_that_its_document_names(
    issuers: str, provision: Provision, path: str, cause: str | None
) -> None:
    run = provision(_check({"kind": "oidc", "key": "external.oidc", "issuer": issuers + path}))
    assert run.code == (0 if cause is None else 1)
    assert (cause or "") in run.stderr


@pytest.fixture(scope="module")
def redis() -> Iterator[Declared]:
    port, password = free_port(), mint()
    with private_directory() as directory:
        server = [str(home("redis") / "bin" / "redis-server"), "--port", str(port), "--bind", "127.0.0.1"]
        with running([*server, "--requirepass", password, "--save", ""], directory, port):
            yield {
                "kind": "redis",
                "key": "external.redis",
                "host": "127.0.0.1",
                "port": port,
                "password": password,
            }


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({}, None),
        ({"password": "wrong-password"}, "invalid username-password pair"),
        ({"user": "nobody"}, "invalid username-password pair"),
    ],
)
def test_a_login_to_redis_is_tried(
    redis: Declared, provision: Provision, changes: dict[str, Any], cause: str | None
) -> None:
    run = provision(_check({**redis, **changes}))
    assert run.code == (0 if cause is None else 1)
    assert (cause or "") in run.stderr


@pytest.fixture
def encrypted_redis(redis: Declared, authority: CertificateAuthority) -> Iterator[Declared]:
    """The same server behind TLS: the software table's is built without."""
    with tls_front(redis["port"], authority.issue("cache", hosts=("127.0.0.1",))) as port:
        yield {**redis, "port": port, "tls": True, "ca_file": str(authority.certificate)}


def test_a_login_to_redis_is_tried_over_tls(encrypted_redis: Declared, provision: Provision) -> None:
    assert provision(_check(encrypted_redis)).code == 0
    run = provision(_check({**encrypted_redis, "password": "wrong-password"}))
    assert run.code == 1
    assert "invalid username-password pair" in run.stderr


@pytest.mark.parametrize(
    ("changes", "cause", "remedy"),
    [
        ({"ca_file": None}, "unable to get local issuer certificate", "correct ca"),
        ({"host": "localhost"}, "not valid for 'localhost'", "or host, which must be"),
        ({"tls": False}, "does not answer as Redis does", "correct the host, the port or tls"),
    ],
)
def test_what_redis_does_not_prove_by_tls_is_named_with_its_remedy(
    encrypted_redis: Declared, provision: Provision, changes: Declared, cause: str, remedy: str
) -> None:
    run = provision(_check({**encrypted_redis, **changes}))
    assert run.code == 1
    assert "external.redis: " in run.stderr
    assert cause in run.stderr
    assert remedy in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_a_public_authority_does_not_vouch_for_redis_where_ca_names_another(
    encrypted_redis: Declared, provision: Provision, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", encrypted_redis["ca_file"])
    assert provision(_check({**encrypted_redis, "ca_file": None})).code == 0
    other = CertificateAuthority(tmp_path / "other", "other").certificate
    run = provision(_check({**encrypted_redis, "ca_file": str(other)}))
    assert run.code == 1
    assert "unable to get local issuer certificate" in run.stderr


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_server_that_answers_otherwise_than_redis_is_refused(provision: Provision, answer: bytes) -> None:
    class Connection(StreamRequestHandler):
        def handle(self) -> None:
            self.request.recv(65536)
            self.wfile.write(answer)

    with ThreadingTCPServer(("127.0.0.1", 0), Connection) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        run = provision(_check(_redis_at(server.server_address[1])))
        server.shutdown()
        thread.join()
    assert run.code == 1
    assert "does not answer as Redis does" in run.stderr
    assert "correct the host, the port or tls" in run.stderr


def test_redis_that_is_not_there_is_given_up_after_the_wait(provision: Provision) -> None:
    run = provision(_check(_redis_at(free_port())))
    assert run.code == 1
    assert "did not answer within 2 s" in run.stderr


def _redis_at(port: int) -> Declared:
    return {"kind": "redis", "key": "external.redis", "host": "127.0.0.1", "port": port, "password": mint()}


def test_tls_that_redis_does_not_speak_is_refused(redis: Declared, provision: Provision) -> None:
    run = provision(_check({**redis, "tls": True}))
    assert run.code == 1
    assert "that port does not speak TLS: correct the port, or set tls: disabled" in run.stderr


def test_redis_that_wants_certificates_of_its_clients_is_refused(
    redis: Declared, authority: CertificateAuthority, provision: Provision
) -> None:
    pair = authority.issue("cache", hosts=("127.0.0.1",))
    with tls_front(redis["port"], pair, clients_of=authority.certificate) as port:
        given = {**redis, "port": port, "tls": True, "ca_file": str(authority.certificate)}
        run = provision(_check(given))
    assert run.code == 1
    assert "set its tls-auth-clients to no" in run.stderr


def test_a_server_that_never_answers_is_given_up_after_the_wait(provision: Provision) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # bound, but nobody listens
        port = listener.getsockname()[1]
        run = provision(
            _check(
                {
                    "kind": "postgres",
                    "key": "databases.given",
                    "host": "127.0.0.1",
                    "port": port,
                    "user": "nobody",
                    "password": mint(),
                    "database": "given",
                }
            )
        )
    assert run.code == 1
    assert "did not answer within 2 s" in run.stderr


def test_a_key_of_the_wrong_kind_is_refused(database: Declared, provision: Provision) -> None:
    run = provision(_check({**database, "bucket": "given"}))
    assert run.code == 2
    assert "bucket: unknown key" in run.stderr


@pytest.fixture
def authority(tmp_path: Path) -> CertificateAuthority:
    return CertificateAuthority(tmp_path / "authority", "ca")


@pytest.fixture
def encrypted(postgres: Server, database: Declared, authority: CertificateAuthority) -> Iterator[Declared]:
    """The database, on a server that speaks TLS meanwhile."""
    reached = {key: postgres.spec[key] for key in ("host", "port", "user", "password")}
    pair = authority.issue("db", hosts=("127.0.0.1",))
    with psycopg.connect(**reached, dbname="postgres", autocommit=True) as admin:
        (data,) = admin.execute("SHOW data_directory").fetchone() or ("",)
        for source, name in ((pair.certificate, "server.crt"), (pair.key, "server.key")):
            installed = Path(shutil.copy(source, Path(data) / name))
            installed.chmod(0o600)
            shutil.chown(installed, Path(data).owner(), Path(data).group())
        admin.execute("ALTER SYSTEM SET ssl = on")
        admin.execute("SELECT pg_reload_conf()")
        retry = retry_if_exception_type(psycopg.OperationalError)
        Retrying(stop=stop_after_delay(30), wait=wait_fixed(0.1), retry=retry)(
            lambda: psycopg.connect(**reached, dbname="postgres", sslmode="require").close()
        )
        yield database
        admin.execute("ALTER SYSTEM RESET ssl")
        admin.execute("SELECT pg_reload_conf()")


def test_a_database_is_verified_by_the_given_authority(
    encrypted: Declared, authority: CertificateAuthority, tmp_path: Path, provision: Provision
) -> None:
    verified = {**encrypted, "sslmode": "verify-full", "ca_file": str(authority.certificate)}
    assert provision(_check(verified)).code == 0
    other = CertificateAuthority(tmp_path / "other", "other").certificate
    run = provision(_check({**verified, "ca_file": str(other)}))
    assert run.code == 1
    assert "certificate verify failed" in run.stderr


def test_an_issuer_is_verified_by_the_given_authority(
    authority: CertificateAuthority, provision: Provision
) -> None:
    pair = authority.issue("sso", hosts=("127.0.0.1",))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    with ThreadingHTTPServer(("127.0.0.1", 0), _SecureDocuments) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        issuer = f"https://127.0.0.1:{server.server_address[1]}/realms/given"
        given = {"kind": "oidc", "key": "external.oidc", "issuer": issuer}
        trusted = provision(_check({**given, "ca_file": str(authority.certificate)}))
        distrusted = provision(_check(given))
        server.shutdown()
        thread.join()
    assert trusted.code == 0, trusted.stderr
    assert distrusted.code == 1
    assert "CERTIFICATE_VERIFY_FAILED" in distrusted.stderr
