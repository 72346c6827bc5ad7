"""Runs `make clean`: removes what the project keeps beside its stacks, each file and directory by its
name."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from infra.engine import state
from infra.engine.checkout import PROJECT, Checkout
from infra.engine.console import say
from infra.engine.errors import MalformedStackFileError, StackInUseError
from infra.stack_file import SettingsError, StackFile
from providers.local import paths
from providers.local.plugin import os_processes
from providers.local.plugin.layout import remove_tree

_BUILT = ("bench.json", "pr-report.md")
"""The files that `make bench` and `make pr-report` write below `build/`."""


def clean(checkout: Checkout) -> None:
    """Removes the cache, `.nebula`, `.venv` and the reports. The account that servers ran as stays, as files
    with its number may be left somewhere.

    Raises an error, having removed nothing: StackInUseError while a stack of this checkout or of this machine
    needs them, or a stack file holds secrets that only this checkout's passphrase opens; DamagedStateError
    when a state cannot be read; MalformedStackFileError when a stack file cannot be read.
    """
    cache = paths.cache_directory()
    if used := sorted({*_kept(), *_running(cache), *state.stacks_with_resources(checkout.state, PROJECT)}):
        raise StackInUseError(
            f"The cache or this checkout's state is in use by: {', '.join(used)}. Nothing was removed. Take "
            "each stack down in the checkout that it belongs to: make down STACK=<name> (a stack of another "
            "project: pulumi destroy)."
        )
    if sealed := sorted(path.name for path in checkout.stacks.glob("Pulumi.*.yaml") if _is_sealed(path)):
        raise StackInUseError(
            f"{', '.join(sealed)} holds secrets that only the passphrase in {checkout.passphrase} opens, "
            "which would be gone. Nothing was removed. Remove the file's `secure:` values, or move the file "
            "and a copy of the passphrase to another place."
        )
    _remove(cache, [cache / name for name in paths.CACHE_ENTRIES])
    _remove(checkout.private, [checkout.home, checkout.state, checkout.passphrase])
    build = checkout.root / "build"
    _remove(build, [build / name for name in _BUILT])
    venv = checkout.root / ".venv"
    _remove(venv, [venv])


def _kept() -> Iterator[str]:
    """Yields every directory of a stack on this machine, whichever checkout made it."""
    root = paths.stack_directory("any").parent
    if root.exists():
        yield from (str(path) for path in root.iterdir() if path.is_dir() and any(path.iterdir()))


def _running(cache: Path) -> Iterator[str]:
    """Yields what runs from the cache: stacks, wherever their directory is, and processes that name no stack
    (Redis writes its title over its environment)."""
    cache = cache.resolve()  # the kernel's paths have no links in them
    for pid in os_processes.all_processes():
        running, called = _programs(pid)
        directory = os_processes.environment_of(pid).get(os_processes.DIRECTORY_VARIABLE)
        if directory and any(path.is_relative_to(cache) for path in (running, called.parent.resolve())):
            yield f"stack {directory}"
        elif running.is_relative_to(cache):
            yield f"pid {pid} ({running})"


def _programs(pid: int) -> tuple[Path, Path]:
    """Returns the executable of a process, and the path that it was started by: a venv's Python is a link."""
    try:
        called = Path(f"/proc/{pid}/cmdline").read_bytes().partition(b"\0")[0]
        return Path(os.readlink(f"/proc/{pid}/exe")), Path(os.fsdecode(called))
    except OSError:
        return Path(), Path()


def _is_sealed(path: Path) -> bool:
    try:
        return bool(StackFile(path).encrypted())
    except SettingsError as error:
        raise MalformedStackFileError(f"{error}. Nothing was removed.") from None


def _remove(top: Path, made: Sequence[Path]) -> None:
    """Removes the paths `made`, and the directory `top` once it is empty; say what stays in it."""
    if not top.exists() and not top.is_symlink():
        return
    say(f"Removing {top}")
    for path in made:
        remove_tree(path)
    if not top.is_dir():
        return
    if left := sorted(path.name for path in top.iterdir()):
        say(f"  {', '.join(left)} stays there, as this project did not make it.")
    elif not top.is_symlink():
        top.rmdir()
