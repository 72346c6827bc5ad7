"""A path is safe when only root and the current user could replace the files on it."""

import os
import pwd
import struct
from pathlib import Path

import pytest

from providers.local.path_safety import path_problem

_AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "a" / "b"
    path.mkdir(parents=True, mode=0o755)
    return path


def test_a_directory_of_our_own_is_safe_and_what_is_not_there_yet(place: Path) -> None:
    assert path_problem(place) is None
    assert path_problem(place / "not" / "yet") is None


@pytest.mark.parametrize("below", [True, False])
def test_a_directory_that_all_may_write_in_is_named_with_its_remedy(place: Path, below: bool) -> None:
    place.parent.chmod(0o777)
    assert f"chmod o-w '{place.parent}'" in str(path_problem(place if below else place.parent))


def test_below_a_sticky_directory_our_own_is_safe_but_the_sticky_one_itself_is_not(place: Path) -> None:
    place.parent.chmod(0o1777)
    assert path_problem(place) is None
    assert path_problem(place.parent) is not None


@_AS_ROOT
@pytest.mark.parametrize("below", [True, False])
def test_a_directory_of_another_user_is_refused(place: Path, below: bool) -> None:
    os.chown(place.parent, pwd.getpwnam("nobody").pw_uid, -1)
    assert "user nobody" in str(path_problem(place if below else place.parent))


@_AS_ROOT
def test_a_group_with_other_members_may_not_write(place: Path) -> None:
    os.chown(place, -1, pwd.getpwnam("nobody").pw_gid)
    place.chmod(0o775)
    assert "chmod g-w" in str(path_problem(place))
    os.chown(place, -1, 0)
    assert path_problem(place) is None


@_AS_ROOT
def test_an_access_list_that_lets_others_write_is_refused(place: Path) -> None:
    """An access list, version 2: user::rwx, user:nobody:rwx, group::r-x, mask::rwx, other::r-x."""
    nobody = pwd.getpwnam("nobody").pw_uid
    entries = [(1, 7, -1), (2, 7, nobody), (4, 5, -1), (16, 7, -1), (32, 5, -1)]
    packed = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    os.setxattr(place, "system.posix_acl_access", packed)
    assert "setfacl -b" in str(path_problem(place))


@_AS_ROOT
def test_every_link_of_a_chain_is_looked_at(place: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (tmp_path / "final").mkdir()
    (theirs / "second").symlink_to(tmp_path / "final")
    (place / "first").symlink_to(theirs / "second")
    assert path_problem(place / "first" / "stack") is None
    os.chown(theirs, pwd.getpwnam("nobody").pw_uid, -1)
    assert "user nobody" in str(path_problem(place / "first" / "stack"))


def test_a_link_is_followed_and_both_ways_must_be_safe(place: Path, tmp_path: Path) -> None:
    unsafe = tmp_path / "unsafe"
    unsafe.mkdir()
    (place / "link").symlink_to(unsafe)
    assert path_problem(place / "link" / "stack") is None
    unsafe.chmod(0o777)
    assert str(unsafe) in str(path_problem(place / "link" / "stack"))
