"""`make clean`: removes what the project keeps beside its stacks, each thing by its name."""

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
"""What `make bench` and `make pr-report` write below `build/`."""


def clean(checkout: Checkout) -> None:
    """Remove the cache, `.nebula`, `.venv` and the reports. The account that servers ran as stays, as those
    of Debian's packages do: files of its number may be left somewhere.

    Raises StackInUseError, having removed nothing, while a stack of this clone or of this machine needs
    them, or a stack file holds secrets that only this clone's passphrase opens; and DamagedStateError or
    MalformedStackFileError for what cannot be asked.
    """
    cache = paths.cache_directory()
    if used := sorted({*_kept(), *_running(cache), *state.stacks_with_resources(checkout.state, PROJECT)}):
        raise StackInUseError(
            f"Nothing was removed, as this is in use: {', '.join(used)}. Take each stack down first, in the "
            "checkout that it belongs to: make down STACK=<name> (of another project: pulumi destroy)."
        )
    if sealed := sorted(path.name for path in checkout.stacks.glob("Pulumi.*.yaml") if _is_sealed(path)):
        raise StackInUseError(
            f"Nothing was removed: {', '.join(sealed)} holds secrets that only {checkout.passphrase} opens, "
            "and that would be gone. Keep a copy of the passphrase, or remove the `secure:` values, first."
        )
    _remove(cache, [cache / name for name in paths.CACHE_ENTRIES])
    _remove(checkout.private, [checkout.home, checkout.state, checkout.passphrase])
    build = checkout.root / "build"
    _remove(build, [build / name for name in _BUILT])
    venv = checkout.root / ".venv"
    _remove(venv, [venv])


def _kept() -> Iterator[str]:
    """Stacks with a directory in the place where stacks are, whoever made them."""
    root = paths.stack_directory("any").parent
    if root.exists():
        yield from (str(path) for path in root.iterdir() if path.is_dir() and any(path.iterdir()))


def _running(cache: Path) -> Iterator[str]:
    """What runs from the cache: stacks, wherever they keep their files, and programs that do not say whose
    they are (Redis writes its title over its environment)."""
    cache = cache.resolve()  # the kernel's paths have no links in them
    for pid in os_processes.all_processes():
        running, called = _programs(pid)
        directory = os_processes.environment_of(pid).get(os_processes.DIRECTORY_VARIABLE)
        if directory and any(path.is_relative_to(cache) for path in (running, called.parent.resolve())):
            yield f"stack {directory}"
        elif running.is_relative_to(cache):
            yield f"pid {pid} ({running})"


def _programs(pid: int) -> tuple[Path, Path]:
    """The executable of a process, and what it was called by: a venv's Python is a link."""
    try:
        called = Path(f"/proc/{pid}/cmdline").read_bytes().partition(b"\0")[0]
        return Path(os.readlink(f"/proc/{pid}/exe")), Path(os.fsdecode(called))
    except OSError:
        return Path(), Path()


def _is_sealed(path: Path) -> bool:
    try:
        return bool(StackFile(path).encrypted())
    except SettingsError as error:
        raise MalformedStackFileError(f"Nothing was removed: {error}") from None


def _remove(top: Path, ours: Sequence[Path]) -> None:
    """Remove these, and `top` once nothing else is in it; say what stays."""
    if not top.exists() and not top.is_symlink():
        return
    say(f"Removing {top}")
    for path in ours:
        remove_tree(path)
    if not top.is_dir():
        return
    if left := sorted(path.name for path in top.iterdir()):
        say(f"  left in it, since nothing of ours made it: {', '.join(left)}")
    elif not top.is_symlink():
        top.rmdir()
