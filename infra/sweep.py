"""`python -m infra.sweep --stack aws-dev [--delete]` finds what a destroyed stack left behind.

It lists the resources that carry the stack's tags and are not in its state, with their costs, and with
`--delete` deletes them. It never touches resources in the state: `make down` deletes those.
"""

import argparse
import json
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from infra.cloud import sweeper_of
from infra.costs.estimate import money
from infra.engine.checkout import HERE, Checkout
from infra.engine.ending import ended
from providers.sweep import Orphan, Sweeper, SweepError
from providers.terminal import show_table


def known(deployment: Mapping[str, Any]) -> frozenset[str]:
    """Returns every id and name in a state by which a cloud may call a resource: all texts of the outputs.

    The result may have too many, since whatever is known is kept. A text that only contains an id does
    not count as that id.
    """
    return frozenset(
        text
        for resource in deployment.get("resources") or []
        for text in _texts([resource.get("id"), resource.get("outputs")])
    )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


Confirm = Callable[[str], bool]
"""Asks the user whether to go on, after saying what would happen."""


def sweep(
    sweeper: Sweeper,
    state: Collection[str],
    *,
    delete: bool,
    console: Console,
    owner: str | None,
    confirm: Confirm,
) -> int:
    """Lists what is left, deletes it if `delete` is set and the user confirms, and returns how many
    resources could not be deleted.

    Resources with the tag of another owner than `owner` are listed and kept. Raises SweepError, and
    deletes nothing, when the stack stands and its state is elsewhere, or when nobody confirms.
    """
    found = sweeper.find(state)
    theirs = [each for each in found if each.owner and each.owner != owner]
    orphans = [each for each in found if each not in theirs]
    if theirs:
        names = ", ".join(f"{each.kind} {each.id} ({each.owner})" for each in theirs)
        console.print(
            f"Of another owner than the stack file's {owner or '(none)'}, and left alone: {names}",
            markup=False,
        )
    if not orphans:
        console.print("Nothing is left that carries the stack's tags and is not in its state.")
        return 0
    _show(orphans, console)
    if not delete:
        console.print("Nothing was deleted. To delete all of it: make sweep … DELETE=1", markup=False)
        return 0
    if stands := sweeper.stands_elsewhere(state):
        raise SweepError(
            f"Nothing was deleted: {stands} stands, and this backend's state does not have it. Log in to the "
            "backend that has the stack's state (pulumi login), and sweep from there."
        )
    if not confirm(f"{len(orphans)} of these will be deleted, with all that is in them."):
        raise SweepError(
            "Nothing was deleted, as nobody confirmed it. Type the stack's name at a terminal, or give it: "
            "make sweep … DELETE=1 CONFIRM=<stack>"
        )
    failed = 0
    for orphan in orphans:
        try:
            sweeper.delete(orphan)
            console.print(f"Deleted {orphan.kind} {orphan.id}", markup=False, highlight=False)
        except SweepError as error:
            failed += 1
            console.print(f"error: {error}", markup=False, highlight=False)
    return failed


def _show(orphans: Sequence[Orphan], console: Console) -> None:
    table = Table("kind", "id", "USD a month")
    table.columns[-1].justify = "right"
    for orphan in orphans:
        monthly = orphan.monthly
        table.add_row(orphan.kind, orphan.id, "not known" if monthly is None else money(monthly))
    total = sum((orphan.monthly or Decimal(0) for orphan in orphans), Decimal(0))
    table.add_row("", "known together", money(total))
    show_table(table, console)


def main(arguments: Sequence[str] | None = None, checkout: Checkout = HERE) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m infra.sweep", description="What a destroyed stack left behind."
    )
    parser.add_argument("--stack", required=True)
    parser.add_argument("--delete", action="store_true", help="delete it")
    given = parser.parse_args(arguments)
    return ended(lambda: _run(given, checkout), checkout, SweepError)


def _run(given: argparse.Namespace, checkout: Checkout) -> int:
    from infra.engine import ownership, stacks
    from infra.engine.session import open_session

    session = open_session(given.stack, checkout)
    platform = stacks.platform(checkout, given.stack)
    sweeper = sweeper_of(given.stack, platform)
    exported = session.ask("stack", "export", "--stack", given.stack) if session.exists() else "{}"
    owner = platform.get("owner")
    failed = sweep(
        sweeper,
        known(json.loads(exported).get("deployment") or {}),
        delete=given.delete,
        console=Console(),
        owner=str(owner) if owner else None,
        confirm=lambda what: ownership.confirmed(what, "delete them", given.stack),
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
