"""`python -m infra.lifetime [--stack <stack>] [--dry-run]`: parks each stack whose ttl is past.

A scheduler runs it. It writes `power: parked` into the stack's file and runs `up`. It skips a stack
that is parked already or has no ttl. Whoever needs the stack sets a later ttl and `power: on`.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from infra.engine import commands, stacks
from infra.engine.checkout import HERE, Checkout
from infra.engine.ending import ERRORS, ended
from infra.engine.errors import EngineError
from infra.engine.session import open_session
from infra.ttl import day_of, overdue

Park = Callable[[str, Checkout], int]


@dataclass(frozen=True)
class ExpiredStacks:
    """The stacks that are `due`, and for each stack (or file) that could not be looked at the reason."""

    due: Sequence[str]
    refused: Mapping[str, str]


def expired(checkout: Checkout, today: date, only: str | None = None) -> ExpiredStacks:
    """Returns the stacks whose ttl is past and that are not parked, or only the stack `only`. A wrong
    stack file does not keep the others from being looked at. Makes no file: a stack without one is
    read from its template."""
    due = []
    # An empty name is the name of no stack, and is refused: it does not ask for all of them.
    refused = {} if only is not None else stacks.misnamed(checkout)
    for stack in stacks.known_stacks(checkout) if only is None else [only]:
        try:
            if _is_due(checkout, stack, today):
                due.append(stack)
        except EngineError as error:
            refused[stack] = str(error)
    return ExpiredStacks(due, refused)


def _is_due(checkout: Checkout, stack: str, today: date) -> bool:
    stacks.find(checkout, stack)
    platform = stacks.platform(checkout, stack)
    given = platform.get("ttl")
    if given is None or platform.get("power") == "parked":
        return False
    try:
        if not isinstance(given, str):
            # Without what was given: it may be encrypted, and no reader is helped by a ciphertext.
            raise ValueError('is no day: write "2026-01-31", in quotes, and not encrypted')
        return overdue(day_of(given), today) is not None
    except ValueError as error:
        where = stacks.read(checkout, stack).where(("ttl",))
        raise EngineError(f"{where}: {error}") from None


def park(stack: str, checkout: Checkout) -> int:
    """Writes `power: parked` into the stack's file and runs `up`; returns the engine's exit code. After
    a failure the file is as it was before."""
    session = open_session(stack, checkout)
    session.create()
    file = checkout.stack_file(stack)
    before, code = file.read_text(encoding="utf-8"), 1
    session.ask("config", "set", "--path", "nebula:platform.power", "parked", "--stack", stack)
    try:
        code = commands.up(stack, checkout)
    finally:
        if code:
            # What is not parked must not say so: it would never be due again.
            file.write_text(before, encoding="utf-8")
    return code


def park_expired(checkout: Checkout, today: date, parks: Park = park, only: str | None = None) -> int:
    """Parks every stack that is due. Returns 1 if a stack could not be parked or looked at, else 0."""
    found = expired(checkout, today, only)
    failed = _tell(found)
    if not found.due and not failed:
        print("No stack is past its ttl.")
    for stack in found.due:
        print(f"Parking {stack}, whose ttl is past.", flush=True)
        try:
            failed |= parks(stack, checkout) != 0
        except (*ERRORS, OSError) as error:
            failed = True
            print(f"error: {stack}: {error}", file=sys.stderr)
    return int(failed)


def _tell(found: ExpiredStacks) -> bool:
    """Prints the stacks that could not be looked at; returns True if there are any."""
    for stack, problem in found.refused.items():
        print(f"error: {stack}: {problem}", file=sys.stderr)
    return bool(found.refused)


def main(arguments: Sequence[str] | None = None, checkout: Checkout = HERE) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m infra.lifetime", description="Parks each stack whose ttl is past."
    )
    parser.add_argument("--stack", help="this one alone")
    parser.add_argument("--dry-run", action="store_true", help="list them")
    given = parser.parse_args(arguments)
    return ended(lambda: _run(given, checkout), checkout)


def _run(given: argparse.Namespace, checkout: Checkout) -> int:
    today = datetime.now(UTC).date()
    if not given.dry_run:
        return park_expired(checkout, today, only=given.stack)
    found = expired(checkout, today, given.stack)
    failed = _tell(found)
    if found.due or not failed:
        print("\n".join(found.due) or "No stack is past its ttl.")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
