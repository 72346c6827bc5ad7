"""Checks, before a command changes a stack, that this checkout made it, or that the user takes it over."""

import os
import sys
from typing import TYPE_CHECKING

from infra.engine import stacks
from infra.engine.checkout import Checkout
from infra.engine.console import say
from infra.engine.errors import EngineError
from infra.engine.session import Session, directory_of
from providers.local.plugin import ownership
from providers.local.plugin.errors import NotOwnedError
from providers.local.plugin.layout import StackDirectory
from providers.local.plugin.ownership import Owner, OwnershipState

if TYPE_CHECKING:
    from providers.kubernetes.status import Site

_NAMESPACE_TYPE = "kubernetes:core/v1:Namespace"

CONFIRMATION = "CONFIRM"
"""The variable by which the user confirms without a terminal: make down CONFIRM=<stack>."""


def owner_of(checkout: Checkout, stack: str) -> Owner:
    """Returns the owner that `owner.json` names in the directory of a stack which `checkout` made."""
    return Owner(str(checkout.root), stack)


def settle(checkout: Checkout, stack: str, purpose: str) -> None:
    """Checks before a local stack is changed that its directory is this checkout's or free. For a directory
    whose checkout is gone, asks the user to confirm `purpose`, and takes it over. Stacks of other clouds
    pass.

    Raises NotOwnedError, having changed nothing, when the directory is another checkout's or not confirmed.
    """
    if not stacks.is_local(checkout, stack):
        return
    directory, expected = StackDirectory(directory_of(checkout, stack)), owner_of(checkout, stack)
    found = ownership.examine(directory, expected)
    if found.state is OwnershipState.ORPHANED and confirmed(f"{found.reason}.", purpose, stack):
        ownership.adopt_orphan(directory, expected)
        say(f"{directory.root} belongs to this checkout now.")
        return
    ownership.require_ownership(directory, expected)


def settle_namespace(session: Session) -> None:
    """Checks before `up` on a cluster of the user's that the stack's namespace is absent or in its state. For
    one that a stack of this name made, asks the user to take it over.

    Raises NotOwnedError, having changed nothing, when the namespace is another's or not confirmed, and
    EngineError when the cluster cannot be asked.
    """
    from providers.kubernetes.status import ClusterError
    from providers.kubernetes.tenancy import Tenancy, tenancy

    site = _own_namespace(session)
    if site is None or session.has(_NAMESPACE_TYPE):
        return
    try:
        found = tenancy(site)
    except ClusterError as error:
        raise EngineError(f"{error}. Nothing was changed.") from error
    where = f"Namespace {site.namespace} exists already"
    if found is Tenancy.FOREIGN:
        raise NotOwnedError(
            f"{where}, and this stack did not make it. `make down` would delete everything in it. Nothing "
            "was changed. Choose another name under `kubernetes: {namespace: {name: …}}`, or say `create: "
            "false` there to use it without owning it"
        )
    if found is Tenancy.LABELLED and not confirmed(
        f"{where}, and this state does not have it.", "take it over with its data", site.stack
    ):
        raise NotOwnedError(
            f"{where}: stack {site.stack} of another checkout or backend made it. Nothing was changed. "
            "Continue there; or, if its state is lost, take it over with its data: make up "
            f"STACK={site.stack} CONFIRM={site.stack}"
        )


def demand_no_strangers(session: Session) -> None:
    """Checks before a stack's namespace is deleted that the stack made everything in it. For anything else,
    asks the user to confirm that it is deleted too.

    Raises NotOwnedError, having changed nothing, when that is not confirmed, or when the cluster forbids the
    look. A cluster that cannot be reached passes, as nothing can be deleted there either.
    """
    from providers.kubernetes.status import ClusterError, UnreachableError
    from providers.kubernetes.tenancy import strangers

    site = _own_namespace(session)
    if site is None or not session.has(_NAMESPACE_TYPE):
        return
    confirm = f"make down STACK={site.stack} CONFIRM={site.stack}"
    try:
        found = strangers(site)
    except UnreachableError as error:
        say(
            f"Whether others use namespace {site.namespace} is not known, as the cluster cannot be reached: "
            f"{error}"
        )
        return
    except ClusterError as error:
        unknown = f"Whether others use namespace {site.namespace} could not be found out: {error}."
        if not confirmed(unknown, "delete it with all that is in it", site.stack):
            raise NotOwnedError(
                f"{unknown} Deleting it deletes everything in it. Nothing was changed. Run `make down` with "
                f"a login that may list pods, claims and their owners, or delete it unseen: {confirm}"
            ) from error
        return
    if found and not confirmed(
        f"Namespace {site.namespace} holds what this stack did not make: {', '.join(found)}.",
        "delete all of that too",
        site.stack,
    ):
        raise NotOwnedError(
            f"Namespace {site.namespace} holds what this stack did not make: {', '.join(found)}. Nothing was "
            f"changed. Move that to another namespace, or delete it too: {confirm}"
        )


def _own_namespace(session: Session) -> "Site | None":
    platform = stacks.platform(session.checkout, session.stack)
    if platform.get("cloud") != "kubernetes":
        return None  # The other clouds' stacks make the cluster, too.
    from providers.kubernetes.status import Site

    section = platform.get("kubernetes")
    site = Site.of(session.stack, section if isinstance(section, dict) else {})
    return site if site.created else None


def confirmed(what: str, purpose: str, word: str) -> bool:
    """Tells whether the user confirms: by CONFIRM=<word>, or by typing `word` at the terminal, where `what`
    says what was found and `purpose` what is done."""
    given = os.environ.get(CONFIRMATION, "")
    if not given and sys.stdin is not None and sys.stdin.isatty():
        say(what)
        try:
            given = input(f"Type {word} to {purpose}, anything else to leave it alone: ")
        except EOFError:
            return False
    return given.strip() == word


def elsewhere(checkout: Checkout, stack: str) -> str:
    """Returns why the servers in a local stack's directory are not this checkout's, or an empty string when
    they are."""
    directory = StackDirectory(directory_of(checkout, stack))
    try:
        ownership.require_ownership(directory, owner_of(checkout, stack))
    except NotOwnedError as error:
        return str(error)
    return ""
