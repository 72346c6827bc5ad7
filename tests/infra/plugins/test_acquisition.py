"""Which plugins count as installed, and how long a download is waited for, by engines that only say what they
do."""

import time
from pathlib import Path

import pytest

from infra.engine.installation import Engine
from infra.plugins import acquisition
from infra.plugins.acquisition import IGNORE_PATH, NEVER_DOWNLOAD, Missing, download, is_installed
from infra.plugins.required import Plugin

AWS = Plugin("aws", "7.51.1")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: nebula\nruntime: python\n")
    return tmp_path


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "bin").mkdir()
    return {"PULUMI_HOME": str(tmp_path / "home"), "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}


def executable(path: Path, text: str = "") -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def engine(directory: Path, text: str) -> Engine:
    """An engine that runs `text` whatever it is asked for."""
    return Engine(executable(directory / "pulumi", text), built_here=True)


def test_a_plugin_in_the_engines_directory_is_installed_in_its_own_version_only(
    project: Path, environment: dict[str, str]
) -> None:
    plugins = project / "home" / "plugins"
    assert not is_installed(AWS, environment, project)
    (plugins / "resource-aws-v7.51.2").mkdir(parents=True)
    assert not is_installed(AWS, environment, project)
    (plugins / AWS.directory).mkdir()
    assert is_installed(AWS, environment, project)


def test_a_plugin_that_was_not_unpacked_whole_or_is_a_link_is_not_installed(
    project: Path, environment: dict[str, str]
) -> None:
    plugins = project / "home" / "plugins"
    (plugins / AWS.directory).mkdir(parents=True)
    (plugins / f"{AWS.directory}.partial").touch()
    assert not is_installed(AWS, environment, project)
    (plugins / "resource-gcp-v1.0.0").symlink_to(plugins / AWS.directory)
    assert not is_installed(Plugin("gcp", "1.0.0"), environment, project)


def test_a_plugin_on_path_is_installed_unless_the_engine_ignores_it(
    project: Path, environment: dict[str, str]
) -> None:
    executable(project / "bin" / "pulumi-resource-aws")
    assert is_installed(AWS, environment, project)
    assert not is_installed(AWS, {**environment, IGNORE_PATH: "true"}, project)


def test_a_plugin_that_the_project_names_is_installed(project: Path, environment: dict[str, str]) -> None:
    description = "name: nebula\nplugins: {providers: [{name: aws, path: ./plugin}]}\n"
    (project / "Pulumi.yaml").write_text(description)
    assert is_installed(AWS, environment, project)
    assert not is_installed(Plugin("gcp", "1.0.0"), environment, project)


def test_the_first_failed_attempt_ends_a_download(project: Path, environment: dict[str, str]) -> None:
    failing = engine(
        project,
        'echo "warning: Error downloading plugin: Get https://a: lookup a: no such host" >&2\n'
        'echo "Will retry in 80ms [1/5]" >&2\nexec sleep 60',
    )
    started = time.monotonic()
    assert download([AWS], failing, environment, project) == [Missing(AWS, "no such host")]
    assert time.monotonic() - started < 10


def test_a_server_that_does_not_answer_is_waited_for_within_bounds(
    project: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acquisition, "ANSWER_SECONDS", 1.0)
    plugins = [AWS, Plugin("gcp", "1.0.0"), Plugin("random", "1.0.0")]
    started = time.monotonic()
    missing = download(plugins, engine(project, "exec sleep 60"), environment, project)
    assert [each.plugin for each in missing] == plugins
    assert {each.reason for each in missing} == {"no answer within 1 seconds"}
    assert time.monotonic() - started < 10


def test_a_download_that_has_begun_may_take_longer_than_an_answer(
    project: Path,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(acquisition, "ANSWER_SECONDS", 1.0)
    slow = engine(project, 'echo "Downloading plugin" >&2\nsleep 2')
    assert download([AWS], slow, environment, project) == []
    assert "Downloading the provider plugin aws 7.51.1" in capsys.readouterr().err


def test_nothing_is_downloaded_where_the_engine_may_not(project: Path, environment: dict[str, str]) -> None:
    asked = project / "asked"
    missing = download(
        [AWS], engine(project, f"touch {asked}"), {**environment, NEVER_DOWNLOAD: "true"}, project
    )
    assert missing == [Missing(AWS, f"{NEVER_DOWNLOAD} is set")]
    assert not asked.exists()
