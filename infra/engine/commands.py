"""Runs the Makefile's targets. Each function takes a stack and its checkout, and returns the exit code."""

import json
import os
import shlex
from pathlib import Path

from infra.engine import clean as cleaning
from infra.engine import ownership, power, preflight, stacks
from infra.engine.checkout import HERE, Checkout
from infra.engine.console import say
from infra.engine.ending import ended
from infra.engine.process import Outcome
from infra.engine.session import OVERRIDING, Session, directory_of, forgotten, open_engine, open_session
from providers.local import paths
from providers.local.plugin.layout import KEEP_DATA_VARIABLE


def up(stack: str, checkout: Checkout) -> int:
    """Stands the stack up, or brings it to what its file says, and prints what runs, where, and what it
    costs."""
    stacks.ensure(checkout, stack)
    ownership.settle(checkout, stack, "take it over with all its data")
    session = open_session(stack, checkout)
    if session.is_local:
        preflight.check_software(paths.cache_directory())
    session.recover()
    session.create()
    ownership.settle_namespace(session)
    power.settle(session)
    # A preview first would run the program twice, and `up` refuses what it would refuse.
    outcome, events = session.run_recorded(
        "up", "--yes", "--skip-preview", "--suppress-outputs", *_policies(session)
    )
    if outcome.code:
        return outcome.code
    from infra.engine import report

    report.running(session)
    report.costs(session, events)
    return 0


def preview(stack: str, checkout: Checkout) -> int:
    """Shows what `up` would change (DIFF=1 with every property), and what the stack costs on a cloud. It is
    the one command that has stand-ins take the place of provider plugins that cannot be had."""
    from infra.plugins.substitution import substituted

    session = open_session(stack, checkout)
    session.create()
    diff = ["--diff"] if os.environ.get("DIFF") == "1" else []
    with substituted(session) as ready:
        outcome, events = ready.run_recorded("preview", *diff, *_policies(ready))
        if outcome.code == 0 and not session.is_local:
            from infra.engine import report

            report.costs(session, events)
    return outcome.code


def _policies(session: Session) -> list[str]:
    """Returns the engine's options for the policy pack, which judges stacks that are not local. With an
    engine of their own users give the pack themselves (docs/policies.md)."""
    pack = session.checkout.root / "policy" / "pack"
    judged = session.engine.built_here and not session.is_local and pack.is_dir()
    return ["--policy-pack", str(pack)] if judged else []


def drift(stack: str, checkout: Checkout) -> int:
    """Shows where what runs, the state and the program differ, and fails when they do. Changes nothing."""
    session = open_session(stack, checkout)
    if not session.exists():
        say(f"The backend does not have stack {stack!r}, so nothing can have drifted.")
        return 0
    return session.run("preview", "--refresh", "--diff", "--expect-no-changes").code


def refresh(stack: str, checkout: Checkout) -> int:
    """Brings the state to what really runs."""
    session = open_session(stack, checkout)
    session.recover()
    return session.run("refresh", "--yes", "--skip-preview", "--clear-pending-creates").code


def down(stack: str, checkout: Checkout) -> int:
    """Destroys the stack, and removes what is left in a local stack's directory. Without a state, removes a
    local stack by what its directory records."""
    stacks.ensure(checkout, stack)
    ownership.settle(checkout, stack, "remove it with all its data")
    if stacks.keeps_data(checkout, stack):
        os.environ[KEEP_DATA_VARIABLE] = os.environ.get(KEEP_DATA_VARIABLE) or "1"
    if forgotten(stack, checkout):
        # The engine would have nothing to do, and may have to be built first.
        say(f"The backend does not have stack {stack!r}: removing what its directory records.")
        if stacks.is_local(checkout, stack):
            _remove_directory(checkout, stack)
        return 0
    session = open_session(stack, checkout)
    session.recover()
    if session.exists():
        ownership.demand_no_strangers(session)
        destroyed = session.run("destroy", "--yes", "--skip-preview")
        if destroyed.code and not _goes_on_without_the_engine(session, destroyed):
            return destroyed.code
    if session.is_local:
        _remove_directory(checkout, stack)
    if session.backend.in_checkout and session.exists():
        session.ask("stack", "rm", "--yes", "--force", "--preserve-config", "--stack", stack)
    return 0


def _goes_on_without_the_engine(session: Session, destroyed: Outcome) -> bool:
    """Tells, after a failed destroy, whether to remove the stack by its directory and forget its state. The
    user is asked, unless they stopped the destroy or protected a resource to keep what is left."""
    if destroyed.interrupted or not session.is_local:
        return False
    kept = [Path(each) for each in session.host_directories() if Path(each).exists()]
    if session.protects() or any(path != session.directory for path in kept):
        return False
    what = f"The engine did not destroy everything. What is left is recorded in {session.directory}."
    if ownership.confirmed(what, "remove all of that, data too", session.stack):
        return True
    say(f"{what} To remove it without the engine: make down STACK={session.stack} CONFIRM={session.stack}")
    return False


def _remove_directory(checkout: Checkout, stack: str) -> None:
    """Removes what a local stack's directory records and the engine did not. After a destroy that succeeded
    there is nothing left."""
    from providers.local.plugin import stack_removal

    expected = ownership.owner_of(checkout, stack)
    if left := stack_removal.remove_stack_without_state(directory_of(checkout, stack), expected):
        say(stack_removal.leftover_message(left))


def outputs(stack: str, checkout: Checkout) -> int:
    """Prints `{"endpoints": …, "credentials": …}` as JSON, secrets included."""
    session = open_session(stack, checkout)
    every = json.loads(session.ask("stack", "output", "--json", "--show-secrets", "--stack", stack))
    print(json.dumps({name: every.get(name, {}) for name in ("endpoints", "credentials")}, indent=2))
    return 0


def env(stack: str, checkout: Checkout) -> int:
    """Prints the shell commands after which plain `pulumi` works on the stack as the Makefile does."""
    session = open_session(stack, checkout)
    session.create()
    if session.engine.built_here:
        _print_path(session.engine.executable.parent)
    for name, value in session.backend.variables.items():
        print(f"export {name}={shlex.quote(value)}")
    if session.backend.in_checkout:
        print(f"unset {OVERRIDING}")
    return 0


def test_env(stack: str, checkout: Checkout) -> int:
    """Prints the shell command that puts the engine on PATH for the tests. No stack is touched."""
    engine = open_engine(os.environ)
    if engine.built_here:
        _print_path(engine.executable.parent)
    return 0


def _print_path(directory: Path) -> None:
    print(f'export PATH={shlex.quote(str(directory))}:"$PATH"')


def status(stack: str, checkout: Checkout) -> int:
    """Prints a table of the stack's servers, or of its pods on a cluster."""
    stacks.ensure(checkout, stack)
    from infra.engine import report

    if stacks.is_local(checkout, stack):
        if whose := ownership.elsewhere(checkout, stack):
            say(whose)
        report.servers(stack, directory_of(checkout, stack))
    else:
        report.pods(stack, stacks.platform(checkout, stack))
    return 0


def logs(stack: str, checkout: Checkout) -> int:
    """Prints the last lines of the server or workload that COMPONENT names, and goes on as they come with
    FOLLOW=1."""
    stacks.ensure(checkout, stack)
    component, follow = os.environ.get("COMPONENT", ""), os.environ.get("FOLLOW") == "1"
    from infra.engine import report

    if not stacks.is_local(checkout, stack):
        report.pod_log(component, stack, stacks.platform(checkout, stack), follow=follow)
    else:
        path = report.log_of(component, directory_of(checkout, stack))
        command = ["tail", "-n", str(report.LOG_LINES), *(["-F"] if follow else []), str(path)]
        os.execvp(command[0], command)
    return 0


def clean(stack: str, checkout: Checkout) -> int:
    """Removes the cache, `.venv` and `.nebula`, unless a stack of this checkout or of this machine needs
    them."""
    cleaning.clean(checkout)
    return 0


COMMANDS = {
    "up": up,
    "preview": preview,
    "refresh": refresh,
    "drift": drift,
    "down": down,
    "status": status,
    "logs": logs,
    "outputs": outputs,
    "env": env,
    "test-env": test_env,
    "clean": clean,
}


def main(command: str, stack: str, checkout: Checkout = HERE) -> int:
    """Runs `command` on `stack`, and returns its exit code. An error of this project is printed as its
    message."""
    return ended(lambda: COMMANDS[command](stack, checkout), checkout)
