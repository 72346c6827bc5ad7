"""Build steps: run once for all stacks, from the home and its Java and nothing else."""

import io
import os
import signal
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from components.software import KEYCLOAK
from components.software.model import BuildStep, Executable, Image, Script, Software
from providers.local.artifacts import FetchError, home_of, install, locked_parts
from providers.local.paths import cache_directory
from tests.providers.local.plugin.client import until


def _software(name: str, *parts: Script | BuildStep, version: str = "1") -> Software:
    image = Image(f"nebula/{name}:1", user=10001, home="/app")
    return Software(name, version, "Apache-2.0", parts, {name: Executable(("{home}/run",))}, image)


def _java(text: str) -> Software:
    return _software("java-99", Script("bin/java", f"#!/bin/sh\n{text}"))


def _server(java: Software) -> Software:
    """Its Java is called with the home of the server as its only argument."""
    return _software("server", BuildStep(("{java}", "{home}"), java))


def _install(software: Software, cache: Path) -> Path:
    return install(software.name, software.version, locked_parts(software), cache, list[str]().append)


def _home(software: Software, cache: Path) -> Path:
    return home_of(software.name, software.version, locked_parts(software), cache)


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """A file that a build step writes a line to, each time it runs."""
    return tmp_path / "calls"


def test_the_java_of_a_build_step_is_installed_first(cache: Path) -> None:
    java = _java('echo "$0" > "$1/made-by"\n')
    home = _install(_server(java), cache)
    assert (home / "made-by").read_text() == f"{_home(java, cache)}/bin/java\n"


def test_another_java_or_command_is_another_home(cache: Path) -> None:
    java = _java("true\n")
    servers = [
        _server(java),
        _server(_java("false\n")),
        _server(_software("java-99", *java.parts, version="2")),  # type: ignore[arg-type]  # its script
        _software("server", BuildStep(("{java}", "{home}", "--more"), java)),
    ]
    assert len({_home(server, cache) for server in servers}) == len(servers)


def test_nothing_of_the_user_s_environment_gets_in(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KC_DB_PASSWORD", "sentinel")
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Dsentinel")
    home = _install(_server(_java('env > "$1/environment"\n')), cache)
    assert "PATH=" in (home / "environment").read_text()
    assert "sentinel" not in (home / "environment").read_text()


def test_stacks_at_once_run_a_build_step_once(cache: Path, calls: Path) -> None:
    server = _server(_java(f'echo called >> "{calls}"\n'))
    with ThreadPoolExecutor(4) as pool:
        homes = set(pool.map(lambda _: _install(server, cache), range(4)))
    assert len(homes) == 1
    assert calls.read_text() == "called\n"
    assert _install(server, cache) in homes
    assert calls.read_text() == "called\n"


def test_a_command_that_fails_is_named_and_leaves_no_home(cache: Path) -> None:
    server = _server(_java('touch "$1/half"; echo no such feature >&2; exit 3\n'))
    with pytest.raises(FetchError, match=r"(?s)bin/java.*ended with 3.*no such feature"):
        _install(server, cache)
    assert not _home(server, cache).exists()
    assert not list(cache.rglob(".partial-*"))


def test_a_build_step_that_is_killed_starts_anew(cache: Path, calls: Path, tmp_path: Path) -> None:
    """The command dies with whoever ran it: what it would still write cannot meet the next one's."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    script = f'echo $$ >> "{calls}"; echo half >> "$1/result"\n[ -e "{gate}" ] && read -r line < "{gate}"\n'
    server = _server(_java(f'{script}echo whole >> "$1/result"\n'))
    program = f"""
        from providers.local.artifacts import install
        install("server", "1", {locked_parts(server)!r}, {str(cache)!r}, print)
        """
    installer = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], start_new_session=True)
    until(lambda: calls.exists() and calls.read_text().endswith("\n"))
    building = int(calls.read_text())
    installer.send_signal(signal.SIGKILL)
    installer.wait()
    until(lambda: not psutil.pid_exists(building))
    assert not _home(server, cache).exists()
    assert list(cache.rglob(".partial-*")), "the kill came too late to leave anything"

    gate.unlink()
    home = _install(server, cache)
    assert (home / "result").read_text() == "half\nwhole\n"
    assert not list(cache.rglob(".partial-*"))


def test_keycloak_s_build_holds_no_path_of_this_machine() -> None:
    """A home is built beside its place and moved there; an image has it elsewhere again."""
    home = _home(KEYCLOAK, cache_directory())
    if not home.exists():
        pytest.skip(f"needs {home}: `make up` installs it")
    built = [path for path in (home / "lib" / "quarkus").iterdir() if path.is_file()]
    assert {"generated-bytecode.jar", "quarkus-application.dat"} <= {path.name for path in built}
    needle = str(cache_directory()).encode()
    found = [
        name for path in built for name, data in _entries(path.name, path.read_bytes()) if needle in data
    ]
    assert found == []


def _entries(name: str, content: bytes) -> Iterator[tuple[str, Any]]:
    """A file, and when it is an archive the files in it."""
    yield name, content
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.namelist():
                yield from _entries(f"{name}!{entry}", archive.read(entry))


def test_a_script_of_ours_stands_before_the_program_that_it_calls(cache: Path) -> None:
    ours = Script("bin/tool", '#!/bin/sh\nexec "${0%/*}/tool-original" ours\n', original="bin/tool-original")
    home = _install(_software("tool", Script("bin/tool", '#!/bin/sh\necho "$@"\n'), ours), cache)
    said = subprocess.run([home / "bin" / "tool"], capture_output=True, text=True, check=True)
    assert said.stdout == "ours\n"
