"""The provisioner as its users run it, and the servers that it converges."""

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.apps.provisioner.forked import provisioner
from tests.apps.provisioner.servers import demote, free_port, home, private_directory, running

# A server that lives for a few requests does not repay the optimising compiler.
_QUICK_START = "-XX:TieredStopAtLevel=1"
_SECRET_KEYS = frozenset({"password", "secret", "secret_key", "token", "credential"})

Declared = Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """One run of the provisioner: its exit code, what it printed, and the result that it wrote."""

    code: int
    stdout: str
    stderr: str
    result: dict[str, Any] | None

    @property
    def changed(self) -> list[str]:
        assert self.code == 0, self.stderr
        assert self.result is not None
        changes: list[str] = self.result["changed"]
        return changes


Provision = Callable[[Declared], Run]


def _secrets_in(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in _SECRET_KEYS and isinstance(item, str):
                yield item
            yield from _secrets_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _secrets_in(item)


@pytest.fixture
def provision(tmp_path: Path) -> Provision:
    """Runs the provisioner on a spec. Whatever it does, no secret of the spec may be in what it prints or
    writes."""

    def run(spec: Declared) -> Run:
        ended = provisioner(spec, tmp_path)
        for secret in _secrets_in(spec):
            assert secret not in ended.stdout + ended.stderr + ended.written
        result = json.loads(ended.written) if ended.written else None
        return Run(ended.code, ended.stdout, ended.stderr, result)

    return run


def mint() -> str:
    """A password."""
    return secrets.token_hex(16)


@dataclass(frozen=True)
class Server:
    """A server that runs: what a spec says of how to reach it, and its log."""

    spec: Declared
    log: Path


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    installed, port, password = home("postgres"), free_port(), mint()
    with private_directory(unprivileged=True) as directory:
        password_file, data = directory / "password", directory / "data"
        password_file.write_text(password)
        password_file.chmod(0o644)  # the directory itself is private
        initdb = [installed / "bin/initdb", "-D", data, "-U", "postgres", "-A", "scram-sha-256"]
        subprocess.run(
            demote([str(word) for word in [*initdb, "--pwfile", password_file, "-E", "UTF8", "--no-locale"]]),
            check=True,
            capture_output=True,
            cwd=directory,
        )
        options = [
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "unix_socket_directories=",
            "-c",
            "log_statement=all",
        ]
        server = [str(installed / "bin/postgres"), "-D", str(data), "-p", str(port), *options]
        with running(demote(server), directory, port) as log:
            yield Server(
                {
                    "service": "postgres",
                    "host": "127.0.0.1",
                    "port": port,
                    "user": "postgres",
                    "password": password,
                    "wait_seconds": 60,
                },
                log,
            )


@pytest.fixture(scope="session")
def object_store() -> Iterator[Declared]:
    installed, port, console = home("minio"), free_port(), free_port()
    user, password = "root-key", mint()
    with private_directory() as directory:
        addresses = ["--address", f"127.0.0.1:{port}", "--console-address", f"127.0.0.1:{console}"]
        env = {"MINIO_ROOT_USER": user, "MINIO_ROOT_PASSWORD": password}
        with running(
            [installed / "bin/minio", "server", directory / "data", *addresses], directory, port, env
        ):
            yield {
                "service": "object_store",
                "endpoint": f"127.0.0.1:{port}",
                "access_key": user,
                "secret_key": password,
                "wait_seconds": 60,
            }


@pytest.fixture(scope="session")
def kafka() -> Iterator[Declared]:
    installed, java = home("kafka"), home("java-21") / "bin/java"
    port, controller = free_port(), free_port()
    with private_directory() as directory:
        properties = directory / "server.properties"
        properties.write_text(
            "process.roles=broker,controller\nnode.id=1\n"
            f"controller.quorum.voters=1@127.0.0.1:{controller}\n"
            f"listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n"
            "controller.listener.names=CONTROLLER\n"
            f"log.dirs={directory / 'data'}\n"
            "offsets.topic.replication.factor=1\ntransaction.state.log.replication.factor=1\n"
            "transaction.state.log.min.isr=1\nauto.create.topics.enable=false\n"
        )
        launch: list[str | Path] = [java, "-Xmx256m", _QUICK_START, "-cp", f"{installed / 'libs'}/*"]
        subprocess.run(
            [*launch, "kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", properties],
            check=True,
            capture_output=True,
            cwd=directory,
        )
        with running([*launch, "kafka.Kafka", properties], directory, port):
            yield {
                "service": "kafka",
                "bootstrap_servers": f"127.0.0.1:{port}",
                "wait_seconds": 60,
            }


@pytest.fixture(scope="session")
def nats() -> Iterator[Declared]:
    installed, port, password = home("nats"), free_port(), mint()
    with private_directory() as directory:
        config = directory / "nats.conf"
        config.write_text(
            f'listen: "127.0.0.1:{port}"\n'
            f'jetstream {{ store_dir: "{directory / "data"}" }}\n'
            f'authorization {{ user: "nebula", password: "{password}" }}\n'
        )
        with running([installed / "bin/nats-server", "-c", config], directory, port):
            yield {
                "service": "nats",
                "servers": [f"nats://127.0.0.1:{port}"],
                "user": "nebula",
                "password": password,
                "wait_seconds": 60,
            }


@pytest.fixture(scope="session")
def iceberg_catalog() -> Iterator[Declared]:
    (jar,) = (home("nessie") / "lib").glob("*.jar")
    java, port, management = home("java-25") / "bin/java", free_port(), free_port()
    with private_directory() as directory:
        settings = {
            "quarkus.http.host": "127.0.0.1",
            "quarkus.http.port": port,
            "quarkus.management.port": management,
            "nessie.version.store.type": "IN_MEMORY",
            "nessie.catalog.default-warehouse": "warehouse",
            "nessie.catalog.warehouses.warehouse.location": "s3://warehouse/",
            "nessie.catalog.service.s3.default-options.region": "us-east-1",
            "nessie.catalog.service.s3.default-options.endpoint": "http://127.0.0.1:1/",
        }
        options = [f"-D{key}={value}" for key, value in settings.items()]
        with running([java, "-Xmx512m", _QUICK_START, *options, "-jar", jar], directory, port):
            yield {
                "service": "iceberg_catalog",
                "uri": f"http://127.0.0.1:{port}/iceberg",
                "warehouse": "warehouse",
                "wait_seconds": 120,
            }


@pytest.fixture(scope="session")
def keycloak() -> Iterator[Declared]:
    installed, java = home("keycloak"), home("java-25")
    port, management, password = free_port(), free_port(), mint()
    with private_directory() as directory:
        # Its build and its database are written into the distribution: work on a copy.
        copy = shutil.copytree(installed, directory / "keycloak", symlinks=True)
        env = {
            "JAVA_HOME": str(java),
            "PATH": f"{java / 'bin'}:{os.environ['PATH']}",
            "JAVA_OPTS_KC_HEAP": "-Xmx512m",
            "JAVA_OPTS_APPEND": _QUICK_START,
            "KC_BOOTSTRAP_ADMIN_USERNAME": "bootstrap",
            "KC_BOOTSTRAP_ADMIN_PASSWORD": password,
        }
        options = ["--http-host=127.0.0.1", f"--http-port={port}", f"--http-management-port={management}"]
        with running([copy / "bin/kc.sh", "start-dev", *options, "--cache=local"], directory, port, env):
            yield {
                "service": "keycloak",
                "url": f"http://127.0.0.1:{port}",
                "user": "bootstrap",
                "password": password,
                "wait_seconds": 120,
                "realm": "nebula",
            }
