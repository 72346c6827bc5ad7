"""`python -m infra.lifetime [--stack <stack>] [--dry-run]`: parks each stack whose ttl is past.

For a schedule: it writes `power: parked` into the stack's file and runs `up`, and does nothing to a stack
that is parked already or has no ttl. Whoever needs the stack sets a later ttl and `power: on`.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime

from infra.engine import commands, stack_file
from infra.engine.checkout import HERE, Checkout
from infra.engine.errors import EngineError
from infra.engine.session import open_session
from infra.ttl import overdue

Park = Callable[[str, Checkout], int]


def expired(checkout: Checkout, today: date, only: str | None = None) -> list[str]:
    """The stacks whose ttl is past and that are not parked; of `only` that one, when it is given."""
    found = []
    for stack in [only] if only else stack_file.known_stacks(checkout):
        stack_file.ensure(checkout, stack)
        platform = stack_file.platform(checkout, stack)
        if platform.get("power") != "parked" and overdue(_day(platform.get("ttl")), today):
            found.append(stack)
    return found


def park(stack: str, checkout: Checkout) -> int:
    """Say in the stack's file that it is parked, and bring it there; the engine's exit code. When that
    fails, the file is as it was."""
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
    """Park every stack that is due; 1 when one of them could not be."""
    failed = False
    stacks = expired(checkout, today, only)
    if not stacks:
        print("No stack is past its ttl.")
    for stack in stacks:
        print(f"Parking {stack}, whose ttl is past.", flush=True)
        try:
            failed |= parks(stack, checkout) != 0
        except EngineError as error:
            failed = True
            print(f"error: {stack}: {error}", file=sys.stderr)
    return int(failed)


def _day(given: object) -> date | None:
    """YAML reads a date unquoted, and a text quoted. None for what the settings will refuse."""
    if isinstance(given, date):
        return given
    try:
        return date.fromisoformat(str(given))
    except ValueError:
        return None


def main(arguments: Sequence[str] | None = None, checkout: Checkout = HERE) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m infra.lifetime", description="Parks each stack whose ttl is past."
    )
    parser.add_argument("--stack", help="this one alone")
    parser.add_argument("--dry-run", action="store_true", help="list them")
    given = parser.parse_args(arguments)
    today = datetime.now(UTC).date()
    try:
        if given.dry_run:
            print("\n".join(expired(checkout, today, given.stack)) or "No stack is past its ttl.")
            return 0
        return park_expired(checkout, today, only=given.stack)
    except EngineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
