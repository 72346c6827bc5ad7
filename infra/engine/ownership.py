"""Whether a command may change what it is asked to change: it is this clone's, or the user says so."""

import os
import sys

from infra.engine import stack_file
from infra.engine.checkout import Checkout
from infra.engine.console import say
from infra.engine.session import directory_of
from providers.local.plugin import owner
from providers.local.plugin.errors import NotOurOwnError
from providers.local.plugin.layout import StackDirectory
from providers.local.plugin.owner import Owner, Standing

CONFIRMATION = "CONFIRM"
"""The variable that confirms where there is no terminal to type at: make down CONFIRM=<stack>."""


def owner_of(checkout: Checkout, stack: str) -> Owner:
    """What `owner.json` says in the directory of a stack of `checkout`."""
    return Owner(str(checkout.root), stack)


def settle(checkout: Checkout, stack: str) -> None:
    """Before a local stack is changed: its directory is this clone's or free, or an orphan that the user
    takes over. Raises NotOurOwnError otherwise; then nothing was changed. Other clouds pass."""
    if not stack_file.is_local(checkout, stack):
        return
    directory, expected = StackDirectory(directory_of(checkout, stack)), owner_of(checkout, stack)
    claim = owner.examine(directory, expected)
    if claim.standing is Standing.ORPHANED and confirmed(claim.reason, stack):
        owner.adopt(directory, expected)
        say(f"{directory.root} belongs to this checkout now.")
        return
    owner.demand(directory, expected)


def confirmed(what: str, word: str) -> bool:
    """Whether the user typed `word`: at the terminal, or as CONFIRM=<word>."""
    given = os.environ.get(CONFIRMATION, "")
    if not given and sys.stdin.isatty():
        say(what)
        try:
            given = input(f"Type {word} to go on, anything else to leave it alone: ")
        except EOFError:
            return False
    return given.strip() == word


def elsewhere(checkout: Checkout, stack: str) -> str:
    """Why the servers in a local stack's directory are not this clone's; empty when they are."""
    directory = StackDirectory(directory_of(checkout, stack))
    try:
        owner.demand(directory, owner_of(checkout, stack))
    except NotOurOwnError as error:
        return str(error)
    return ""
