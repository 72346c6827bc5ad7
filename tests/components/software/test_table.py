"""The software table and its lock."""

import re
import subprocess
import zipfile

import pytest

from components.software import HAPROXY, TABLE
from components.software.model import (
    BuildStep,
    BundledApp,
    GoBinary,
    Maven,
    MavenClosure,
    Script,
    Software,
    Wheel,
)
from components.software.toolchain import GO_PACKAGE
from components.templates import render
from providers.local.artifacts.lock import SOFTWARE, key_of, locked_parts, read_lock
from tests.apps.provisioner.servers import home

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SPDX = re.compile(r"[A-Za-z0-9.-]+( WITH [A-Za-z0-9.-]+)?")
_VALUES = {
    "home": "/home",
    "java": "/java",
    "run": "/run",
    "workload": "w",
    "index": "0",
    "bind": "::",
    "host": "h",
}

every_software = pytest.mark.parametrize("software", TABLE.values(), ids=TABLE.keys())


@every_software
def test_every_file_of_every_part_is_locked(software: Software) -> None:
    for row in locked_parts(software):
        match row["kind"]:
            case "maven" | "closure" | "pypi":
                assert row["files"]
                for file in row["files"]:
                    assert _SHA256.fullmatch(file["sha256"])
                    assert file["size"] > 0
                    assert "/" not in file["file"]
            case "go" | "app":
                assert _SHA256.fullmatch(row["digest"])
            case kind:
                assert kind in {"script", "generated"}


def test_the_lock_holds_nothing_that_the_table_does_not_use() -> None:
    used = {key_of(part) for software in TABLE.values() for part in software.parts}
    used.add(key_of(Wheel(GO_PACKAGE)))
    assert set(read_lock()) == used - {None}


@every_software
def test_a_row_is_complete(software: Software) -> None:
    assert TABLE[software.name] is software
    assert _SPDX.fullmatch(software.licence)
    assert software.version
    assert bool(software.parts) == (software is not HAPROXY)
    assert software.executables
    assert 0 < software.image.user < 65536
    assert ":" in software.image.reference
    assert not software.image.reference.endswith(":latest")
    assert software.image.home.startswith("/")


@every_software
def test_launch_lines_name_only_what_the_cluster_knows(software: Software) -> None:
    for executable in software.executables.values():
        for word in (*executable.distribution, *executable.in_image):
            assert "{home" not in render(word, _VALUES)
    uses_java = any("{java}" in word for e in software.executables.values() for word in e.distribution)
    assert software.java is not None or not uses_java


@every_software
def test_every_coordinate_is_pinned(software: Software) -> None:
    for part in software.parts:
        match part:
            case Maven(coordinates=coordinates):
                assert 4 <= len(coordinates.split(":")) <= 5
            case MavenClosure(coordinates=closure):
                assert all(len(item.split(":")) == 3 for item in closure)
            case Wheel(requirement=requirement):
                assert re.fullmatch(r"[a-z0-9-]+==[0-9.]+", requirement)
            case GoBinary(package=package, module_directory=module):
                assert re.search(rf"{re.escape(package)} v\S+", (SOFTWARE / module / "go.mod").read_text())
                assert (SOFTWARE / module / "go.sum").stat().st_size > 0
            case BundledApp() | Script() | BuildStep():
                pass


def test_the_java_that_a_row_names_is_a_row() -> None:
    for software in TABLE.values():
        if software.java is not None:
            assert f"java-{software.java}" in TABLE


def test_an_unknown_executable_is_refused_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match="has no executable 'psql'; it has: initdb, postgres"):
        TABLE["postgres"].executable("psql")


_BINDINGS = {"1": "log4j-slf4j-impl", "2": "log4j-slf4j2-impl"}
"""What hands the lines of SLF4J to Log4j, by SLF4J's major version."""


def test_what_logs_through_slf4j_is_bound_to_the_log4j_beside_it() -> None:
    """Without a binding, or with another version's, a server logs nothing and says so once."""
    closures = [
        row for software in TABLE.values() for row in locked_parts(software) if row["kind"] == "closure"
    ]
    assert closures
    for row in closures:
        jars = dict(file["file"].removesuffix(".jar").rsplit("-", 1) for file in row["files"])
        assert jars[_BINDINGS[jars["slf4j-api"].partition(".")[0]]] == jars["log4j-core"] == jars["log4j-api"]


@pytest.mark.parametrize("name", ["java-21", "java-25"])
def test_a_java_home_has_one_java_which_takes_what_spark_passes(name: str) -> None:
    installed = home(name)
    assert list(installed.rglob("java")) == [installed / "bin" / "java"]
    command = [str(installed / "bin" / "java"), "--add-modules=jdk.incubator.vector", "-Xmx64m", "-version"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert f'"{name.partition("-")[2]}.' in answer.stderr


def test_the_driver_of_keycloak_knows_which_logins_to_accept() -> None:
    """One that does not ignores `requireAuth`, and sends whoever took Postgres' port the password."""
    (jar,) = home("keycloak").glob("lib/lib/main/org.postgresql.postgresql-*.jar")
    with zipfile.ZipFile(jar) as archive:
        assert b"requireAuth" in archive.read("org/postgresql/PGProperty.class")
