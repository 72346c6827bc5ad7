"""Installation: what is in the cache is whole and is what the lock says, whatever happens on the way."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from providers.local.artifacts import ChecksumError, FetchError, home_of, install
from providers.local.artifacts.client import ATTEMPTS
from providers.local.artifacts.errors import LockError, StalledError, UnpackError
from tests.providers.local.artifacts.conftest import WHEEL, Index, wheel


def _install(part: Mapping[str, Any], cache: Path, lines: list[str] | None = None) -> Path:
    return install("gadget", "1.0", [part], cache, (lines if lines is not None else []).append)


def _leftovers(cache: Path) -> list[str]:
    return sorted(str(path.relative_to(cache)) for path in cache.rglob(".partial-*"))


def test_a_home_holds_the_member_with_its_exec_bits(index: Index, cache: Path) -> None:
    home = _install(index.part(), cache)
    assert home == home_of("gadget", "1.0", [index.part()], cache)
    assert subprocess.check_output([home / "bin" / "gadget"], text=True) == "gadget\n"
    assert (home / "share" / "text").read_text() == "text"
    assert not os.access(home / "share" / "text", os.X_OK)
    assert _leftovers(cache) == []


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_every_user_reads_a_home_and_only_its_owner_writes_whatever_the_umask(
    index: Index, cache: Path, umask: int
) -> None:
    before = os.umask(umask)
    try:
        home = _install(index.part(), cache)
    finally:
        os.umask(before)
    modes = {path.relative_to(home).as_posix(): path.stat().st_mode & 0o777 for path in home.rglob("*")}
    assert modes == {"bin": 0o755, "bin/gadget": 0o755, "share": 0o755, "share/text": 0o644}
    assert home.stat().st_mode & 0o777 == 0o755


def test_a_second_installation_downloads_nothing(index: Index, cache: Path) -> None:
    lines: list[str] = []
    assert _install(index.part(), cache) == _install(index.part(), cache, lines)
    assert index.downloads == 1
    assert lines == []


def test_installations_at_once_download_once(index: Index, cache: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        homes = list(pool.map(lambda _: _install(index.part(), cache), range(8)))
    assert len(set(homes)) == 1
    assert index.downloads == 1


def test_an_altered_file_is_refused_and_not_kept(index: Index, cache: Path) -> None:
    part = index.part()
    index.content = wheel(b"#!/bin/sh\necho altered\n")
    with pytest.raises(FetchError, match=r"gadget==1\.0") as caught:
        _install(part, cache)
    assert part["files"][0]["sha256"] in str(caught.value)
    assert not list((cache / "downloads").glob(WHEEL))
    assert not home_of("gadget", "1.0", [part], cache).exists()
    assert _leftovers(cache) == []


def test_a_file_altered_in_the_cache_is_fetched_again(index: Index, cache: Path) -> None:
    (cache / "downloads").mkdir(parents=True)
    (cache / "downloads" / WHEEL).write_bytes(wheel(b"altered"))
    lines: list[str] = []
    home = _install(index.part(), cache, lines)
    assert subprocess.check_output([home / "bin" / "gadget"], text=True) == "gadget\n"
    assert any("The file was deleted" in line for line in lines)


def test_a_checksum_error_names_what_is_wrong_and_what_to_do() -> None:
    message = str(ChecksumError("group:artifact:1:jar", "artifact-1.jar", "a" * 64, "b" * 64))
    assert all(part in message for part in ("group:artifact:1:jar", "a" * 64, "b" * 64, "make lock"))


def test_a_download_cut_short_is_tried_again(index: Index, cache: Path) -> None:
    def cut_once(stream: Any, body: bytes) -> None:
        if index.downloads == 1:
            stream.write(body[: len(body) // 2])
            stream.flush()
            raise BrokenPipeError
        stream.write(body)

    index.send = cut_once
    assert (_install(index.part(), cache) / "bin" / "gadget").exists()


def test_attempts_are_limited_and_the_next_run_succeeds(index: Index, cache: Path) -> None:
    good, index.content = index.content, b"not a wheel"
    lines: list[str] = []
    with pytest.raises(FetchError):
        _install(index.part(good), cache, lines)
    assert sum("trying again" in line for line in lines) == ATTEMPTS - 1
    index.content = good
    assert _install(index.part(good), cache).is_dir()


def test_a_download_that_hangs_is_ended(index: Index, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(stream: Any, body: bytes) -> None:
        stream.write(body[:100])
        stream.flush()
        index.released.wait()

    index.send = hang
    monkeypatch.setenv("NEBULA_STALL_SECONDS", "2")
    lines: list[str] = []
    with pytest.raises(StalledError, match="made no progress for 2 s"):
        _install(index.part(), cache, lines)
    assert sum("trying again" in line for line in lines) == ATTEMPTS - 1
    assert _leftovers(cache) == []


def test_a_killed_installation_leaves_nothing_that_is_taken_for_good(index: Index, cache: Path) -> None:
    def stop_half_way(stream: Any, body: bytes) -> None:
        stream.write(body[:100])
        stream.flush()
        index.reached.set()
        index.released.wait()

    index.send = stop_half_way
    program = textwrap.dedent(
        f"""
        from providers.local.artifacts import install
        install("gadget", "1.0", [{index.part()!r}], {str(cache)!r}, print)
        """
    )
    installer = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    assert index.reached.wait(120)
    installer.send_signal(signal.SIGKILL)
    installer.wait()
    assert not home_of("gadget", "1.0", [index.part()], cache).exists()
    assert _leftovers(cache), "the kill came too late to leave anything"
    index.released.set()
    index.send = lambda stream, body: stream.write(body)
    assert (_install(index.part(), cache) / "bin" / "gadget").exists()
    assert _leftovers(cache) == []


def test_who_waits_for_another_run_says_so(index: Index, cache: Path) -> None:
    def wait(stream: Any, body: bytes) -> None:
        index.reached.set()
        index.released.wait()
        stream.write(body)

    index.send = wait
    waiting = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(_install, index.part(), cache)
        assert index.reached.wait(120)

        def listen(line: str) -> None:
            if "waiting for another run" in line:
                waiting.set()

        second = pool.submit(install, "gadget", "1.0", [index.part()], cache, listen)
        assert waiting.wait(120)
        index.released.set()
        assert first.result() == second.result()


def test_a_home_that_the_table_describes_wrongly_is_not_kept(index: Index, cache: Path) -> None:
    part = {**index.part(), "member": "gadget/lib"}
    with pytest.raises(UnpackError, match="has no gadget/lib"):
        _install(part, cache)
    assert not home_of("gadget", "1.0", [part], cache).exists()


def test_a_part_of_a_kind_that_nobody_knows_is_refused(cache: Path) -> None:
    with pytest.raises(LockError, match="kind floppy"):
        _install({"kind": "floppy"}, cache)


def test_a_home_is_open_to_an_unprivileged_server(index: Index, cache: Path) -> None:
    before = os.umask(0o077)
    try:
        home = _install(index.part(), cache)
    finally:
        os.umask(before)
    for path in [home, *home.parents[:2], *home.rglob("*")]:
        assert path.stat().st_mode & 0o004, path
        assert not path.is_dir() or path.stat().st_mode & 0o001, path


def test_scripts_and_generated_files_complete_a_home(index: Index, cache: Path) -> None:
    parts = [
        index.part(),
        {"kind": "script", "path": "bin/hello", "text": "#!/bin/sh\necho hello > ${0%/*}/../greeting\n"},
        {"kind": "generated", "command": ["{home}/bin/hello"]},
    ]
    home = install("gadget", "1.0", parts, cache, list[str]().append)
    assert (home / "greeting").read_text() == "hello\n"


def test_the_engine_s_numbers_do_not_move_a_home(cache: Path) -> None:
    part = {"kind": "pypi", "files": [{"file": "x", "sha256": "0", "size": 12}]}
    received = {"kind": "pypi", "files": [{"file": "x", "sha256": "0", "size": 12.0}], "inner": None}
    assert home_of("x", "1", [part], cache) == home_of("x", "1", [received], str(cache))
