"""A ttl: warned of when it is past, and parked by a schedule."""

import os
from datetime import date
from pathlib import Path

import pytest

from infra.engine.checkout import Checkout
from infra.engine.errors import EngineError
from infra.engine.preflight import PreflightError
from infra.lifetime import expired, main, park_expired
from infra.ttl import day_of, overdue

TODAY = date(2026, 3, 2)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    found = Checkout(tmp_path)
    found.stacks.mkdir()
    return found


def write(checkout: Checkout, stack: str, lines: str) -> None:
    indented = "".join(f"    {line}\n" for line in lines.splitlines())
    checkout.stack_file(stack).write_text(f"config:\n  nebula:platform:\n    cloud: local\n{indented}")


@pytest.mark.parametrize(
    ("ttl", "past"),
    [(None, False), (date(2026, 3, 3), False), (date(2026, 3, 2), False), (date(2026, 3, 1), True)],
)
def test_a_stack_is_overdue_from_the_day_after_its_ttl(ttl: date | None, past: bool) -> None:
    assert (overdue(ttl, TODAY) is not None) is past


def test_the_warning_says_since_when_and_what_to_do() -> None:
    warning = overdue(date(2026, 2, 20), TODAY)
    assert warning is not None
    # 28 February days: 8 to the month's end, 2 more.
    for part in ("2026-02-20", "10 days", "make down", "power: parked", "later ttl"):
        assert part in warning


REWRITTEN = "2026-03-01 00:00:00 +0000 UTC"
"""What `pulumi config set` makes of an unquoted date anywhere in the file."""


@pytest.mark.parametrize(
    "text",
    ["2026-03-01", "2026-3-1", "2026-03-01T00:00:00Z", "2026-03-01 00:00:00Z", REWRITTEN],
)
def test_a_day_is_the_same_however_it_is_written(checkout: Checkout, text: str) -> None:
    assert day_of(text) == date(2026, 3, 1)
    write(checkout, "bare", f"ttl: {text}")
    write(checkout, "quoted", f'ttl: "{text}"')
    found = expired(checkout, TODAY)
    assert (found.due, found.refused) == (["bare", "quoted"], {})


@pytest.mark.parametrize(
    "text", ["soon", "2026-02-30", "2026-03-01T12:00:00Z", "2026-03-01 00:00:00 +0200 +0200"]
)
def test_what_is_no_day_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match='write "2026-01-31", in quotes'):
        day_of(text)


def test_only_stacks_past_their_ttl_and_not_parked_are_due(checkout: Checkout) -> None:
    write(checkout, "due", "ttl: 2026-03-01")
    write(checkout, "quoted", 'ttl: "2026-01-01"\npower: on')
    write(checkout, "today", "ttl: 2026-03-02")
    write(checkout, "parked", "ttl: 2026-03-01\npower: parked")
    write(checkout, "endless", "size: laptop")
    assert expired(checkout, TODAY).due == ["due", "quoted"]
    assert expired(checkout, TODAY, "quoted").due == ["quoted"]
    assert expired(checkout, TODAY, "today").due == []


def test_a_file_that_is_wrong_is_named_and_keeps_no_other_stack_from_being_parked(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    write(checkout, "due", "ttl: 2026-03-01")
    write(checkout, "vague", "ttl: soon")
    write(checkout, "list", "ttl: [2026-03-01]")
    checkout.stack_file("cut").write_text("config: {nebula:platform: {cloud: ")
    checkout.stack_file("binary").write_bytes(b"config:\n  a: \xff\n")
    (checkout.stacks / "Pulumi.v1.2.yaml").write_text("config: {}\n")
    asked: list[str] = []

    def parks(stack: str, _: Checkout) -> int:
        asked.append(stack)
        return 0

    assert park_expired(checkout, TODAY, parks) == 1
    assert asked == ["due"]
    told = capsys.readouterr().err
    for part in (
        "error: vague: stacks/Pulumi.vague.yaml, line 4: nebula:platform.ttl: ",
        "error: list: stacks/Pulumi.list.yaml, line 4: nebula:platform.ttl: ",
        "error: cut: stacks/Pulumi.cut.yaml, line ",
        "error: binary: stacks/Pulumi.binary.yaml, line 2: is not UTF-8",
        "error: Pulumi.v1.2.yaml: is not the file of a stack",
    ):
        assert part in told


def test_what_is_no_file_is_named_and_keeps_no_other_stack_from_being_parked(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    write(checkout, "due", "ttl: 2026-03-01")
    checkout.stack_file("dangling").symlink_to("/nonexistent")
    (checkout.stacks / "Pulumi.folder.template.yaml").mkdir()
    os.mkfifo(checkout.stack_file("pipe"))
    (checkout.stacks / "Pulumi.due.yaml\n").touch()
    checkout.stack_file("whole").write_text("config: {nebula:platform: {secure: v1:abc:def}}\n")
    write(checkout, "hidden", "ttl: {secure: v1:abc:def}")
    asked: list[str] = []

    def parks(stack: str, _: Checkout) -> int:
        asked.append(stack)
        return 0

    assert park_expired(checkout, TODAY, parks) == 1
    assert asked == ["due"]
    told = capsys.readouterr().err
    for part in (
        "error: dangling: stacks/Pulumi.dangling.yaml: cannot be read",
        "error: folder: stacks/Pulumi.folder.template.yaml: is no file",
        "error: pipe: stacks/Pulumi.pipe.yaml: is no file",
        "error: whole: stacks/Pulumi.whole.yaml, line 1: nebula:platform is encrypted",
        "error: hidden: stacks/Pulumi.hidden.yaml, line 4: nebula:platform.ttl: is no day",
    ):
        assert part in told
    assert "abc" not in told


@pytest.mark.parametrize("name", ["", "../due", "due\n"])
def test_no_name_of_a_stack_asks_for_every_stack(
    checkout: Checkout, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(checkout, "due", "ttl: 2020-03-01")
    assert main(["--stack", name, "--dry-run"], checkout) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "is no name of a stack" in told.err


def test_looking_for_expired_stacks_makes_no_file(checkout: Checkout) -> None:
    template = checkout.stacks / "Pulumi.old.template.yaml"
    template.write_text("config: {nebula:platform: {cloud: local, ttl: 2026-03-01}}\n")
    assert expired(checkout, TODAY).due == ["old"]
    assert list(checkout.stacks.iterdir()) == [template]


def test_a_file_that_cannot_be_written_keeps_no_other_stack_from_being_parked(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    for stack in ("first", "second"):
        write(checkout, stack, "ttl: 2026-03-01")
    asked: list[str] = []

    def parks(stack: str, _: Checkout) -> int:
        asked.append(stack)
        raise PermissionError("not yours")

    assert park_expired(checkout, TODAY, parks) == 1
    assert asked == ["first", "second"]
    assert "error: second: not yours" in capsys.readouterr().err


def test_a_listing_names_the_bad_file_beside_those_that_are_due(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    write(checkout, "due", "ttl: 2020-03-01")
    write(checkout, "vague", "ttl: soon")
    assert main(["--dry-run"], checkout) == 1
    told = capsys.readouterr()
    assert told.out == "due\n"
    assert "Pulumi.vague.yaml, line 4" in told.err


def test_a_stack_that_lacks_what_up_needs_keeps_no_other_from_being_parked(checkout: Checkout) -> None:
    for stack in ("first", "second"):
        write(checkout, stack, "ttl: 2026-03-01")
    asked: list[str] = []

    def parks(stack: str, _: Checkout) -> int:
        asked.append(stack)
        raise PreflightError(["no room"])

    assert park_expired(checkout, TODAY, parks) == 1
    assert asked == ["first", "second"]


def test_every_due_stack_is_parked_and_a_failure_is_told(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    for stack in ("broken", "due", "locked"):
        write(checkout, stack, "ttl: 2026-03-01")
    asked = []

    def parks(stack: str, _: Checkout) -> int:
        asked.append(stack)
        if stack == "locked":
            raise EngineError("another engine works on it")
        return 255 if stack == "broken" else 0

    assert park_expired(checkout, TODAY, parks) == 1
    assert asked == ["broken", "due", "locked"]
    assert "locked: another engine works on it" in capsys.readouterr().err


def test_without_a_due_stack_nothing_is_parked(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    write(checkout, "endless", "size: laptop")

    def parks(stack: str, _: Checkout) -> int:
        raise AssertionError(f"{stack} was parked")

    assert park_expired(checkout, TODAY, parks) == 0
    assert "No stack is past its ttl" in capsys.readouterr().out
