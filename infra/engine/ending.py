"""How a command of ours ends: with its exit code, with an error's message, or with 130 after Ctrl-C."""

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
"""What a command may end with: each is told by its message."""
_STREAMS = (("stdin", os.O_RDONLY, "r"), ("stdout", os.O_WRONLY, "w"), ("stderr", os.O_WRONLY, "w"))


def ended(run: Callable[[], int], checkout: Checkout, *told: type[Exception]) -> int:
    """Run a command; its exit code. Our errors, and those of the types `told`, are printed as their message,
    and so is what belongs to another user in `checkout`."""
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
    """Open what the caller closed (`<&-`): Python has None there, and the next file that is opened would
    become the standard input of the programs that we start."""
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
    """The highest part of the path `name` below `root` that belongs to somebody else."""
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
