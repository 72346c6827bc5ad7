"""The system account of servers is recognised by all its properties, and a missing one is reported before a
server starts."""

import grp
import os
import pwd
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from providers.local.plugin import accounts
from providers.local.plugin.errors import AccountError

OURS = {
    "pw_name": accounts.ACCOUNT_NAME,
    "pw_passwd": "x",
    "pw_uid": 999,
    "pw_gid": 995,
    "pw_gecos": accounts.ACCOUNT_DESCRIPTION,
    "pw_dir": "/nonexistent",
    "pw_shell": "/usr/sbin/nologin",
}
Machine = Callable[..., None]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Provide a function that sets what root finds: an account and a group of Nebula's name. The account is
    as `useradd` makes it, except for the given properties."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    def make(account: bool = True, group: bool = True, useradd: bool = True, **entry: object) -> None:
        def user(name: str) -> pwd.struct_passwd:
            if not account or name != accounts.ACCOUNT_NAME:
                raise KeyError(name)
            return pwd.struct_passwd((OURS | entry).values())

        def its_group(name: str) -> grp.struct_group:
            if not group or name != accounts.ACCOUNT_NAME:
                raise KeyError(name)
            return grp.struct_group((name, "x", 995, []))

        monkeypatch.setattr(pwd, "getpwnam", user)
        monkeypatch.setattr(grp, "getgrnam", its_group)
        monkeypatch.setattr(shutil, "which", lambda *_, **__: "/usr/sbin/useradd" if useradd else None)

    return make


def test_our_own_account_serves(machine: Machine) -> None:
    machine()
    assert accounts.account_problem() is None
    assert accounts.server_account(unprivileged=True) == accounts.Account(999, 995)


def test_an_account_that_can_be_made_is_no_problem(machine: Machine) -> None:
    machine(account=False, group=False)
    assert accounts.account_problem() is None
    assert accounts.server_account(unprivileged=True) is None


@pytest.mark.parametrize(
    "entry",
    [
        {"pw_gecos": "Nebula VPN"},
        {"pw_uid": 0},
        {"pw_uid": 1000},
        {"pw_shell": "/bin/bash"},
        {"pw_shell": ""},
        {"pw_dir": "/home/nebula"},
    ],
)
def test_an_account_that_differs_in_anything_is_somebody_s(
    machine: Machine, entry: dict[str, object]
) -> None:
    machine(**entry)
    (found,) = entry.values()
    said = accounts.account_problem()
    assert said is not None
    assert repr(found) in said
    for use in (accounts.server_account, accounts.ensure_account):
        with pytest.raises(AccountError, match="usermod --login nebula-before nebula"):
            use(True)


def test_a_group_that_is_left_and_a_missing_tool_are_told_before_anything_is_made(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: object, **__: object) -> None:
        raise AssertionError("something was run")

    monkeypatch.setattr(subprocess, "run", run)
    for given, remedy in (
        ({"group": True}, "groupmod --new-name nebula-before nebula"),
        ({"group": False, "useradd": False}, "apt-get install passwd"),
    ):
        machine(account=False, **given)
        said = accounts.account_problem()
        assert said is not None
        assert remedy in said
        with pytest.raises(AccountError) as raised:
            accounts.ensure_account(True)
        assert str(raised.value) == said


def test_the_remedy_for_a_taken_name_leaves_room_for_ours(machine: Machine, tmp_path: Path) -> None:
    """By the real tools, on account files of the test's own."""
    (etc := tmp_path / "etc").mkdir()
    (etc / "passwd").write_text("root:x:0:0::/root:/bin/sh\nnebula:x:1000:1000:VPN:/home/n:/bin/sh\n")
    (etc / "group").write_text("root:x:0:\nnebula:x:1000:\n")
    (etc / "shadow").write_text("root:*:1::::::\nnebula:*:1::::::\n")
    machine(pw_uid=1000)
    said = accounts.account_problem()
    assert said is not None
    for command in said.partition("rename it: ")[2].split(" && "):
        program, *rest = shlex.split(command)
        subprocess.run([f"/usr/sbin/{program}", "--prefix", str(tmp_path), *rest], check=True)
    for name in ("passwd", "group"):
        assert "\nnebula-before:x:1000" in (etc / name).read_text()


def test_others_than_root_need_no_account(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(pw_uid=1000)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert accounts.account_problem() is None
    assert accounts.server_account(unprivileged=True) is None
