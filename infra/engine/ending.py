"""Ends a command line: with its exit code, with the message of an error and 1, or with 130 after Ctrl-C."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from infra.engine.checkout import Checkout
from infra.engine.errors import DeniedError, EngineError
from infra.engine.preflight import PreflightError
from providers.local.artifacts.errors import ArtifactError
from providers.local.plugin.accounts import user_name
from providers.local.plugin.errors import PluginError

INTERRUPTED = 130
ERRORS = (EngineError, PreflightError, ArtifactError, PluginError)
"""The errors that a command ends with by printing their message; any other one shows a traceback."""
_STREAMS = (("stdin", os.O_RDONLY, "r"), ("stdout", os.O_WRONLY, "w"), ("stderr", os.O_WRONLY, "w"))


def ended(run: Callable[[], int], checkout: Checkout, *told: type[Exception]) -> int:
    """Runs a command and returns its exit code. ERRORS and errors of the types `told` are printed as `error:
    <message>` and return 1; so does a file in `checkout` that belongs to another user. Ctrl-C returns 130."""
    open_streams()
    caught: tuple[type[Exception], ...] = (*ERRORS, *told)
    try:
        return _run(run, checkout)
    except caught as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def open_streams() -> None:
    """Opens stdin, stdout and stderr on /dev/null where the caller closed them (`<&-`). Otherwise the next
    file that is opened would become the standard input of the programs that a command starts."""
    for name, flags, mode in _STREAMS:
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, flags)
            os.set_inheritable(descriptor, True)
            setattr(sys, name, os.fdopen(descriptor, mode))


def _run(run: Callable[[], int], checkout: Checkout) -> int:
    try:
        return run()
    except PermissionError as error:
        if (found := _of_another(error.filename, checkout.root)) is None:
            raise
        raise DeniedError(found, user_name(found.lstat().st_uid)) from error


def _of_another(name: object, root: Path) -> Path | None:
    """Returns the highest directory or file on the path `name` below `root` that belongs to another user, or
    None."""
    if not isinstance(name, str) or not Path(name).is_relative_to(root):
        return None
    path = Path(name)
    below = [each for each in (*reversed(path.parents), path) if each != root and each.is_relative_to(root)]
    for each in below:
        try:
            if each.lstat().st_uid != os.geteuid():
                return each
        except OSError:
            return None
    return None
