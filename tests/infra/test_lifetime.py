"""A ttl: warned of when it is past, and parked by a schedule."""

from datetime import date
from pathlib import Path

import pytest

from infra.engine.checkout import Checkout
from infra.engine.errors import EngineError
from infra.lifetime import expired, park_expired
from infra.ttl import overdue

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


def test_only_stacks_past_their_ttl_and_not_parked_are_due(checkout: Checkout) -> None:
    write(checkout, "due", "ttl: 2026-03-01")
    write(checkout, "quoted", 'ttl: "2026-01-01"\npower: on')
    write(checkout, "today", "ttl: 2026-03-02")
    write(checkout, "parked", "ttl: 2026-03-01\npower: parked")
    write(checkout, "endless", "size: laptop")
    write(checkout, "wrong", "ttl: soon")
    assert expired(checkout, TODAY) == ["due", "quoted"]
    assert expired(checkout, TODAY, "quoted") == ["quoted"]
    assert expired(checkout, TODAY, "today") == []


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
