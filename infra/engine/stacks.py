"""Stack files: `stacks/Pulumi.<stack>.yaml`.

Each is everybody's own: `pulumi stack init` writes a salt into it that binds it to one passphrase,
so it is not tracked; those that come with the project are made from tracked templates.
"""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.engine.checkout import Checkout
from infra.engine.errors import MalformedStackFileError, StackNameError, StaleSaltError, UnknownStackError
from infra.stack_file import TEMPLATE, SettingsError, StackFile, check_name
from providers.local import paths

LOCAL = "local"
_NAME = re.compile(r"Pulumi\.(?P<stack>[A-Za-z0-9_-]+)(\.template)?\.yaml")
_SECTIONS = ("local", "kubernetes")
_SALT = re.compile(r"^(['\"]?)encryptionsalt\1\s*:.*(\n|\Z)", re.MULTILINE)


def known_stacks(checkout: Checkout) -> list[str]:
    """The stacks that have a file, or a template that theirs is made from."""
    files = (_NAME.fullmatch(path.name) for path in checkout.stacks.glob("Pulumi.*.yaml"))
    return sorted({match["stack"] for match in files if match})


def misnamed(checkout: Checkout) -> dict[str, str]:
    """By file name, what is wrong with files that look like a stack's and have no stack's name."""
    return {
        path.name: "is the file of no stack: a stack's name has letters, digits, _ and -"
        for path in sorted(checkout.stacks.glob("Pulumi.*.yaml"))
        if not _NAME.fullmatch(path.name)
    }


def find(checkout: Checkout, stack: str) -> Path:
    """The file of a stack, or the template that it will be made from. Raises UnknownStackError for a stack
    without either, and StackNameError for what is no name of a stack."""
    try:
        check_name(stack)
    except SettingsError as error:
        raise StackNameError(str(error), known_stacks(checkout)) from None
    if stack not in known_stacks(checkout):
        raise UnknownStackError(stack, known_stacks(checkout), checkout.stacks)
    return _source(checkout, stack)


def _source(checkout: Checkout, stack: str) -> Path:
    path, template = checkout.stack_file(stack), checkout.stacks / f"Pulumi.{stack}.{TEMPLATE}.yaml"
    # A link that leads nowhere is the stack's file, and wrong.
    return template if not os.path.lexists(path) and os.path.lexists(template) else path


def ensure(checkout: Checkout, stack: str) -> None:
    """Make the file of a stack from its template. Raises what `find` does, and MalformedStackFileError where
    the file cannot be read or made."""
    source, path = find(checkout, stack), checkout.stack_file(stack)
    if source == path:
        return
    read(checkout, stack)
    temporary = path.with_suffix(".new")
    try:
        shutil.copyfile(source, temporary)
        temporary.rename(path)
    except OSError as error:
        raise MalformedStackFileError(
            f"{path} cannot be made from {source.name}: {error.strerror}. You need the right to write "
            f"into {path.parent}."
        ) from None


def drop_stale_salt(checkout: Checkout, stack: str) -> None:
    """Forget the salt of a passphrase that is gone: the stack is new to the backend.

    Raises StaleSaltError when the file holds secrets that only that passphrase opens.
    """
    path = checkout.stack_file(stack)
    text = path.read_text()
    if not _SALT.search(text):
        return
    if read(checkout, stack).encrypted():
        raise StaleSaltError(path, checkout.passphrase)
    path.write_text(_SALT.sub("", text))


def read(checkout: Checkout, stack: str) -> StackFile:
    """The stack's file, its template where there is none yet. Raises MalformedStackFileError with the line to
    correct."""
    try:
        return StackFile(_source(checkout, stack))
    except SettingsError as error:
        raise MalformedStackFileError(str(error)) from None


def platform(checkout: Checkout, stack: str) -> Mapping[str, Any]:
    """`nebula:platform` as the stack's file has it, unchecked but for the shape of what commands read
    there. Raises MalformedStackFileError with the line to correct, also when there is none."""
    file = read(checkout, stack)
    try:
        found = file.platform()
    except SettingsError as error:
        raise MalformedStackFileError(str(error)) from None
    for key in _SECTIONS:
        if not isinstance(found.get(key) or {}, Mapping):
            raise MalformedStackFileError(f"{file.where((key,))}: must be a mapping of keys to values")
    return found


def is_local(checkout: Checkout, stack: str) -> bool:
    """Whether the stack runs on this machine. Raises MalformedStackFileError when the file does not say
    where it runs: what asks would touch the wrong place."""
    cloud = platform(checkout, stack).get("cloud")
    if not isinstance(cloud, str):
        where = read(checkout, stack).where(("cloud",))
        raise MalformedStackFileError(f"{where}: say there where the stack runs (cloud: {LOCAL}, …)")
    return cloud == LOCAL


def local_directory(checkout: Checkout, stack: str) -> Path:
    """Where a stack of the local cloud lives: `local.directory`, or the directory that it has without.
    Raises MalformedStackFileError for one that no stack may have."""
    given = (platform(checkout, stack).get("local") or {}).get("directory")
    directory = paths.stack_directory(stack) if given is None else Path(str(given))
    problem = paths.directory_problem(directory if given is None else str(given))
    if problem is None:
        return directory
    where = read(checkout, stack).where(("local", "directory"))
    raise MalformedStackFileError(f"{where}: {directory} {problem}")


def keeps_data(checkout: Checkout, stack: str) -> bool:
    """Whether the file of a local stack says that its data outlives it, since its last `up` or only now."""
    return bool((platform(checkout, stack).get("local") or {}).get("keep_data"))
