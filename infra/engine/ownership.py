"""Whether a command may change what it is asked to change: it is this clone's, or the user says so."""

import os
import sys
from typing import TYPE_CHECKING

from infra.engine import stacks
from infra.engine.checkout import Checkout
from infra.engine.console import say
from infra.engine.errors import EngineError
from infra.engine.session import Session, directory_of
from providers.local.plugin import owner
from providers.local.plugin.errors import NotOurOwnError
from providers.local.plugin.layout import StackDirectory
from providers.local.plugin.owner import Owner, Standing

if TYPE_CHECKING:
    from providers.kubernetes.status import Site

_NAMESPACE_TYPE = "kubernetes:core/v1:Namespace"

CONFIRMATION = "CONFIRM"
"""The variable that confirms where there is no terminal to type at: make down CONFIRM=<stack>."""


def owner_of(checkout: Checkout, stack: str) -> Owner:
    """What `owner.json` says in the directory of a stack of `checkout`."""
    return Owner(str(checkout.root), stack)


def settle(checkout: Checkout, stack: str, purpose: str) -> None:
    """Before a local stack is changed: its directory is this clone's or free, or an orphan that the user
    gives up for `purpose`. Raises NotOurOwnError otherwise; then nothing was changed. Other clouds pass."""
    if not stacks.is_local(checkout, stack):
        return
    directory, expected = StackDirectory(directory_of(checkout, stack)), owner_of(checkout, stack)
    claim = owner.examine(directory, expected)
    if claim.standing is Standing.ORPHANED and confirmed(f"{claim.reason}.", purpose, stack):
        owner.adopt(directory, expected)
        say(f"{directory.root} belongs to this checkout now.")
        return
    owner.demand(directory, expected)


def settle_namespace(session: Session) -> None:
    """Before a stack on a cluster of the user's is stood up: its namespace is absent, or the state has it,
    or the user takes it over. Raises NotOurOwnError otherwise, or when the cluster does not say."""
    from providers.kubernetes.status import ClusterError
    from providers.kubernetes.tenancy import Tenancy, tenancy

    site = _own_namespace(session)
    if site is None or session.has(_NAMESPACE_TYPE):
        return
    try:
        found = tenancy(site)
    except ClusterError as error:
        raise EngineError(f"{error}. Nothing was changed") from error
    where = f"namespace {site.namespace} is there already"
    if found is Tenancy.FOREIGN:
        raise NotOurOwnError(
            f"{where}, and this stack did not make it: `make down` would delete what others have in it. "
            "Choose another name under `kubernetes: {namespace: {name: …}}`, or say `create: false` there to "
            "be a guest in it. Nothing was changed"
        )
    if found is Tenancy.LABELLED and not confirmed(
        f"{where}, and this state does not have it.", "take it over with its data", site.stack
    ):
        raise NotOurOwnError(
            f"{where}: stack {site.stack} of another checkout or backend made it. Go on there; or, if its "
            f"state is lost, take it over with its data: make up STACK={site.stack} CONFIRM={site.stack}. "
            "Nothing was changed"
        )


def demand_no_strangers(session: Session) -> None:
    """Before a stack's namespace is deleted: nothing in it is somebody else's, or the user says so. Raises
    NotOurOwnError, also when the cluster does not let us look. One that cannot be reached passes: then
    nothing can be deleted either."""
    from providers.kubernetes.status import ClusterError, UnreachableError
    from providers.kubernetes.tenancy import strangers

    site = _own_namespace(session)
    if site is None or not session.has(_NAMESPACE_TYPE):
        return
    confirm = f"make down STACK={site.stack} CONFIRM={site.stack}"
    try:
        found = strangers(site)
    except UnreachableError as error:
        say(f"It could not be told whether others use namespace {site.namespace}: {error}")
        return
    except ClusterError as error:
        unknown = f"it could not be told whether others use namespace {site.namespace}: {error}."
        if not confirmed(unknown, "delete it with all that is in it", site.stack):
            raise NotOurOwnError(
                f"{unknown} It goes with all that is in it: look with a login that may list pods, claims and "
                f"what makes them, or delete it without a look: {confirm}. Nothing was changed"
            ) from error
        return
    if found and not confirmed(
        f"Namespace {site.namespace} holds what this stack did not make: {', '.join(found)}.",
        "delete all of that too",
        site.stack,
    ):
        raise NotOurOwnError(
            f"namespace {site.namespace} would take with it what this stack did not make: {', '.join(found)}."
            f" Move that away, or delete it too: {confirm}. Nothing was changed"
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
    """Whether the user typed `word`: at the terminal, or as CONFIRM=<word>."""
    given = os.environ.get(CONFIRMATION, "")
    if not given and sys.stdin is not None and sys.stdin.isatty():
        say(what)
        try:
            given = input(f"Type {word} to {purpose}, anything else to leave it alone: ")
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
