"""Which engine is used."""

from pathlib import Path

import pytest

from infra.engine import installation


def install(directory: Path, version: str, *, language_host: bool = True) -> Path:
    """An executable that answers `pulumi version`."""
    directory.mkdir(parents=True)
    executable = directory / "pulumi"
    executable.write_text(f"#!/bin/sh\necho {version}\n")
    executable.chmod(0o755)
    if language_host:
        host = directory / "pulumi-language-python"
        host.write_text("#!/bin/sh\n")
        host.chmod(0o755)
    return executable


@pytest.mark.parametrize("version", ["v3.258.0", "3.300.1"])
def test_users_compatible_engine_is_used(tmp_path: Path, version: str) -> None:
    executable = install(tmp_path / "bin", version)
    found = installation.find({"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}, tmp_path / "cache")
    assert found == installation.Engine(executable, built_here=False)


@pytest.mark.parametrize("version", ["v3.257.9", "v4.0.0", "v2.300.0", "dev"])
def test_incompatible_engine_is_not_used(tmp_path: Path, version: str) -> None:
    install(tmp_path / "bin", version)
    assert installation.find({"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}, tmp_path / "cache") is None


def test_engine_without_a_language_host_is_not_used(tmp_path: Path) -> None:
    install(tmp_path / "bin", "v3.258.0", language_host=False)
    assert installation.find({"PATH": f"{tmp_path / 'bin'}:/bin"}, tmp_path / "cache") is None


def test_built_engine_on_path_is_still_ours(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    built = installation.built_engine(cache)
    install(built.executable.parent, "v3.258.0")
    assert installation.find({"PATH": f"{built.executable.parent}:/usr/bin:/bin"}, cache) == built


def test_scripts_beside_the_built_engine_are_current_and_executable(tmp_path: Path) -> None:
    built = installation.built_engine(tmp_path)
    install(built.executable.parent, "v3.258.0")
    installation.find({"PATH": "/usr/bin:/bin"}, tmp_path)
    for name, text in installation.SCRIPTS.items():
        script = built.executable.with_name(name)
        assert script.read_text() == text
        assert script.stat().st_mode & 0o111


def test_engine_and_sdk_are_the_same_version() -> None:
    requirements = (Path(installation.__file__).parents[2] / "requirements.txt").read_text()
    assert f"pulumi=={installation.VERSION} " in requirements
    assert f"pulumi/pkg/v3 v{installation.VERSION}" in (installation.MODULE / "go.mod").read_text()
