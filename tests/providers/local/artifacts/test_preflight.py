"""What a machine lacks is said before anything starts, with the remedy."""

import stat
from pathlib import Path

import pytest

from components.software import KAFKA, MINIO, NATS, POSTGRES, TABLE
from providers.local.artifacts import home_of, locked_parts, missing_tools, space_needed


@pytest.fixture
def empty_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH that has nothing on it yet."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return folder


def _program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_a_machine_without_java_and_maven_is_told_both(empty_path: Path) -> None:
    java, maven = missing_tools({"kafka": KAFKA})
    assert "java does not run" in java
    assert "apt install default-jdk-headless" in java
    assert "apt install maven" in maven


def test_an_old_java_is_named_with_its_version(empty_path: Path) -> None:
    _program(empty_path / "java", """echo 'openjdk version "1.8.0_402"' >&2""")
    _program(empty_path / "mvn", "")
    (problem,) = missing_tools({"kafka": KAFKA})
    assert "java is Java 8" in problem


def test_a_java_home_that_leads_nowhere_is_named(empty_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(empty_path / "mvn", "")
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    (problem,) = missing_tools({"kafka": KAFKA})
    assert "/nowhere/bin/java does not run" in problem
    assert "JAVA_HOME names it" in problem


def test_a_suitable_machine_is_told_nothing(empty_path: Path) -> None:
    _program(empty_path / "java", """echo 'openjdk version "17.0.15" 2025-04-15' >&2""")
    _program(empty_path / "mvn", "")
    assert missing_tools({"kafka": KAFKA, "postgres": POSTGRES}) == []


def test_go_may_be_missing_since_the_lock_brings_one(empty_path: Path) -> None:
    assert missing_tools({"minio": MINIO}) == []


def test_go_is_asked_for_when_the_lock_brings_none(empty_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("providers.local.artifacts.preflight.read_lock", dict)
    (problem,) = missing_tools({"minio": MINIO})
    assert "there is no go on PATH" in problem


def test_installed_software_needs_no_tools_and_no_space(empty_path: Path, cache: Path) -> None:
    table = {"kafka": KAFKA, "nats": NATS}
    assert space_needed(table, cache) > 0
    for software in table.values():
        home_of(software.name, software.version, locked_parts(software), cache).mkdir(parents=True)
    assert missing_tools(table, cache) == []
    assert space_needed(table, cache) == 0


def test_the_whole_table_takes_gigabytes(cache: Path) -> None:
    assert 5 * 2**30 < space_needed(TABLE, cache) < 20 * 2**30
