"""Has stand-ins take the place of the provider plugins that a preview needs and that cannot be had."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from infra.engine import stacks
from infra.engine.console import say
from infra.engine.session import Session
from infra.images import settings_of
from infra.plugins.acquisition import IGNORE_PATH, Missing, download, is_installed
from infra.plugins.required import required
from infra.plugins.standin import launcher
from infra.settings import SettingsError

PROVES_LESS = (
    "Stand-ins return what the program gives them: no cloud or cluster has checked names, values, quotas or "
    "permissions, nothing was compared with what runs, and an update may turn out to be a replacement"
)
"""What a preview with stand-ins leaves unproved."""


@contextmanager
def substituted(session: Session) -> Iterator[Session]:
    """Yields `session` as a preview needs it. Plugins that are missing are downloaded first; where that
    fails, the session's PATH begins with stand-ins, one line on stderr says so, and says so again at the end.

    A stack whose settings are wrong gets none of this: its program ends before it needs a plugin.
    """
    missing = _missing(session)
    if not missing:
        yield session
        return
    line = notice(missing)
    say(line)
    with tempfile.TemporaryDirectory(prefix="nebula-standins-") as directory:
        launcher.write(Path(directory), [each.plugin.name for each in missing])
        path = os.pathsep.join([directory, session.environment.get("PATH", os.defpath)])
        environment = {**session.environment, "PATH": path}
        environment.pop(IGNORE_PATH, None)  # the stand-ins are found on PATH
        try:
            yield replace(session, environment=environment)
        finally:
            say(line)


def notice(missing: Sequence[Missing]) -> str:
    """Returns the line that names the plugins that stand-ins take the place of, why, and what that proves
    less."""
    names = ", ".join(str(each.plugin) for each in missing)
    return (
        f"PREVIEW WITH STAND-INS for the provider plugins {names}, which are not installed and could not be "
        f"downloaded ({missing[0].reason}). {PROVES_LESS}. To install the plugins: docs/plugins.md"
    )


def _missing(session: Session) -> list[Missing]:
    root = session.checkout.root
    wanted = required(stacks.platform(session.checkout, session.stack))
    absent = [each for each in wanted if not is_installed(each, session.environment, root)]
    if not absent:
        return []
    try:
        settings_of(session.stack, session.checkout)
    except SettingsError:
        return []
    return download(absent, session.engine, session.environment, root)
