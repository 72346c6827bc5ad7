"""No secret of a stack stands in clear where another user can read it."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.e2e.exposure import secrets_of
from tests.e2e.full import FullStack

_SENTINEL = secrets.token_urlsafe(24)
_WAIT = "import sys; sys.stdin.read()"
_PLACES = ("state", "logs", "engine output", "arguments", "environments", "readable files")


@contextmanager
def planted_file(path: Path, mode: int = 0o600) -> Iterator[None]:
    path.write_text(f"before {_SENTINEL} after")
    path.chmod(mode)
    try:
        yield
    finally:
        path.unlink()


@contextmanager
def planted_process(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    try:
        assert process.stdout is not None
        assert process.stdout.read(1) == b"!"  # it runs, with its own arguments and environment
        yield
    finally:
        process.communicate()


def planted(full: FullStack, place: str) -> AbstractContextManager[None]:
    stack = full.stack
    speak = [sys.executable, "-c", f"import sys; print('!', end='', flush=True); {_WAIT}"]
    match place:
        case "state":
            return planted_file(stack.state_file.with_name("planted.json"))
        case "logs":
            return planted_file(stack.directory / "logs" / "planted.log")
        case "engine output":
            return planted_file(stack.logs / "planted.log")
        case "arguments":
            return planted_process([*speak, f"--password={_SENTINEL}"], dict(os.environ))
        case "environments":
            # Only root can read, and start, another user's processes.
            as_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "/bin/sh", "-c"]
            return planted_process([*as_nobody, "printf '!'; read line"], {"PASSWORD": _SENTINEL})
    return planted_file(stack.tmp / "planted", 0o644)


def test_there_are_secrets_to_look_for(full: FullStack) -> None:
    kept = {path.name for path in (full.stack.directory / "secrets").iterdir()}
    assert kept >= {
        "postgres-superuser", "object_store-root", "redis-password", "nats-password", "spark-rpc",
        "keycloak-admin", "keycloak-bootstrap",
    }  # fmt: skip
    assert len(secrets_of(full.stack)) > len(kept)


@pytest.mark.parametrize("place", _PLACES)
def test_a_planted_secret_is_found(full: FullStack, place: str) -> None:
    if place == "environments" and os.geteuid() != 0:
        pytest.skip("only root sees another user's processes")
    search = full.exposure.searches[place]
    assert search({_SENTINEL}) == []
    with planted(full, place):
        assert len(search({_SENTINEL})) == 1


@pytest.mark.parametrize("place", _PLACES)
def test_no_secret_stands_in_the_clear(full: FullStack, place: str) -> None:
    assert full.exposure.searches[place](secrets_of(full.stack)) == []


def test_what_holds_secrets_is_for_its_owner_alone(full: FullStack) -> None:
    stack = full.stack
    assert len(stack.passphrase.read_text()) > 30
    files = [stack.passphrase, *(stack.directory / "secrets").iterdir()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
