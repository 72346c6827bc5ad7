"""`make outdated`: a table of what is newer, whatever registries fail; `make lock`: every lock, each with a
line."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from infra.versions import __main__ as command
from infra.versions import go_modules, image_digests, python_packages
from infra.versions.releases import Newer, Pin
from providers.local.artifacts.errors import FetchError
from providers.local.artifacts.lock import LOCK, REPOSITORY


def _found(name: str) -> list[Newer]:
    return [Newer(Pin(name, "1.0", "requirements.txt"), "2.0")]


def _fails() -> list[Newer]:
    raise FetchError("no answer from anywhere\nthe client's own lines")


def _outdated(sources: command.Sources) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = command.outdated(sources, Console(file=out, width=120), Console(file=err, width=120))
    return code, out.getvalue(), err.getvalue()


def test_what_is_newer_is_listed_with_its_place_and_both_versions() -> None:
    code, out, err = _outdated({"PyPI": lambda: _found("gadget"), "Maven": list})
    assert (code, err) == (0, "")
    assert re.search(r"package +. pinned in +. locked +. newest", out)
    assert re.search(r"gadget +. requirements\.txt +. 1\.0 +. 2\.0", out)


def test_a_registry_that_fails_is_one_line_and_the_others_are_listed() -> None:
    code, out, err = _outdated({"PyPI": _fails, "Maven": lambda: _found("org.example:gadget")})
    assert code == 1
    assert "org.example:gadget" in out
    assert err == "PyPI did not answer: no answer from anywhere\n"


def test_nothing_newer_is_said_only_when_everything_was_asked() -> None:
    assert _outdated({"PyPI": list})[1] == "Everything is at its newest release.\n"
    assert _outdated({"PyPI": _fails})[1] == ""


def test_every_lock_of_the_project_is_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With clients that are told what to do and do nothing."""
    done: list[str] = []
    monkeypatch.setattr(
        python_packages, "renew", lambda root, path, upgrade: done.append(f"{path} {upgrade}")
    )
    monkeypatch.setattr(go_modules, "renew", lambda path, cache, progress: done.append(path.name))
    monkeypatch.setattr(command, "relock", lambda cache, progress: done.append(LOCK.name))
    monkeypatch.setattr(image_digests, "renew", lambda progress: done.append("image digests"))
    said: list[str] = []
    command.lock(REPOSITORY, tmp_path, said.append, upgrade=True)
    locks = sorted(
        str(path.relative_to(REPOSITORY))
        for top in ("apps", "components", "infra", "providers", "policy", "tests")
        for pattern in ("requirements.lock", "go.sum", "lock.json")
        for path in (REPOSITORY / top).rglob(pattern)
    )
    assert sorted(line.removesuffix(": unchanged") for line in said) == sorted(["requirements.lock", *locks])
    assert "requirements.txt True" in done
    assert {"apps/provisioner/requirements.txt True", "minio", "lock.json", "image digests"} <= set(done)
