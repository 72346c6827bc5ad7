"""Servers that a site already has: Postgres and an S3 store, both with TLS by the site's own certificate
authority."""

import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import urllib3
from minio import Minio

from tests.apps.provisioner.servers import demote, free_port, home, private_directory, running
from tests.testbed.certificates import CertificateAuthority

_ROOT = "site"
_ADMIN = "dba"


@dataclass(frozen=True)
class OwnServers:
    """The running servers. `external` is the section of a stack file that describes them."""

    external: dict[str, Any]
    authority: Path
    minio: Minio
    superuser: dict[str, Any]

    def connect(self, database: str) -> psycopg.Connection[tuple[Any, ...]]:
        """Connect to a database as the site's administrator, who is not the stack's."""
        return psycopg.connect(**self.superuser, dbname=database, autocommit=True)


@contextmanager
def own_servers(address: str, buckets: tuple[str, ...]) -> Iterator[OwnServers]:
    """Run both servers on `address`, with empty `buckets`, until the context ends."""
    with private_directory(unprivileged=True) as directory:
        authority = CertificateAuthority(directory / "authority", "site-authority")
        ca = authority.certificate.read_text()
        with (
            _postgres(directory / "postgres", authority, address) as (superuser, admin),
            _minio(directory / "minio", authority, address) as (port, key),
        ):
            client = Minio(
                f"{address}:{port}",
                access_key=_ROOT,
                secret_key=key,
                http_client=urllib3.PoolManager(ca_certs=str(authority.certificate)),
            )
            for bucket in buckets:
                client.make_bucket(bucket)
            yield OwnServers(
                external={
                    "postgres": {"host": address, "port": superuser["port"], "ca": ca, "admin": admin},
                    "object_store": {
                        "url": f"https://{address}:{port}",
                        "ca": ca,
                        "access_key": _ROOT,
                        "secret_key": key,
                    },
                },
                authority=authority.certificate,
                minio=client,
                superuser={**superuser, "sslmode": "verify-full", "sslrootcert": str(authority.certificate)},
            )


@contextmanager
def _postgres(
    directory: Path, authority: CertificateAuthority, address: str
) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """Run a Postgres that refuses connections without TLS. Yields the logins of its superuser and of the
    stack's administrator."""
    installed, port = home("postgres"), free_port()
    directory.mkdir()
    password, data = secrets.token_hex(16), directory / "data"
    (directory / "password").write_text(password)
    pair = authority.issue("postgres", hosts=(address,))
    for file, name in ((pair.certificate, "server.crt"), (pair.key, "server.key")):
        shutil.copy(file, directory / name)
    (directory / "server.key").chmod(0o600)
    (directory / "pg_hba.conf").write_text("hostssl all all all scram-sha-256\n")
    for path in (directory, *directory.iterdir()):
        shutil.chown(path, directory.parent.owner(), directory.parent.group())
    initdb = [installed / "bin/initdb", "-D", data, "-U", "postgres", "-A", "scram-sha-256"]
    subprocess.run(
        demote(
            [str(word) for word in (*initdb, "--pwfile", directory / "password", "-E", "UTF8", "--no-locale")]
        ),
        check=True,
        capture_output=True,
        cwd=directory,
    )
    settings = {
        "listen_addresses": address,
        "unix_socket_directories": "",
        "hba_file": directory / "pg_hba.conf",
        "ssl": "on",
        "ssl_cert_file": directory / "server.crt",
        "ssl_key_file": directory / "server.key",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    command = [str(installed / "bin/postgres"), "-D", str(data), "-p", str(port), *options]
    superuser: dict[str, Any] = {"host": address, "port": port, "user": "postgres", "password": password}
    admin = {"username": _ADMIN, "password": secrets.token_hex(16)}
    with running(demote(command), directory, port, address=address):
        verified: Any = {"sslmode": "verify-full", "sslrootcert": str(authority.certificate)}
        with psycopg.connect(**superuser, **verified, dbname="postgres", autocommit=True) as connection:
            role = f"CREATE ROLE {_ADMIN} LOGIN CREATEDB CREATEROLE"
            connection.execute(f"{role} PASSWORD '{admin['password']}'")
        yield superuser, admin


@contextmanager
def _minio(directory: Path, authority: CertificateAuthority, address: str) -> Iterator[tuple[int, str]]:
    installed, port, key = home("minio"), free_port(), secrets.token_hex(16)
    certificates = directory / "certificates"
    certificates.mkdir(parents=True)
    pair = authority.issue("s3", hosts=(address,))
    shutil.copy(pair.certificate, certificates / "public.crt")
    shutil.copy(pair.key, certificates / "private.key")
    command = [
        str(installed / "bin" / "minio"),
        "server",
        str(directory / "data"),
        f"--address={address}:{port}",
        f"--console-address={address}:{free_port()}",
        f"--certs-dir={certificates}",
        "--quiet",
    ]
    environment = {"MINIO_ROOT_USER": _ROOT, "MINIO_ROOT_PASSWORD": key, "MINIO_UPDATE": "off"}
    with running(command, directory, port, environment, address=address):
        yield port, key
