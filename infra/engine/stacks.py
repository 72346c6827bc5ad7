"""Finds, makes and reads the files of a checkout's stacks, `stacks/Pulumi.<stack>.yaml`.

Stack files are not tracked, as `pulumi stack init` writes a salt into them that binds them to one passphrase.
The project's own are made from tracked templates, `stacks/Pulumi.<stack>.template.yaml`.
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
    """Returns the stacks that have a file or a template, sorted."""
    files = (_NAME.fullmatch(path.name) for path in checkout.stacks.glob("Pulumi.*.yaml"))
    return sorted({match["stack"] for match in files if match})


def misnamed(checkout: Checkout) -> dict[str, str]:
    """Returns the problem of each file that looks like a stack's and is not named like one, by its name."""
    return {
        path.name: "is not the file of a stack: a stack's name has letters, digits, _ and - only"
        for path in sorted(checkout.stacks.glob("Pulumi.*.yaml"))
        if not _NAME.fullmatch(path.name)
    }


def find(checkout: Checkout, stack: str) -> Path:
    """Returns the file of `stack`, or the template that it will be made from. Raises UnknownStackError when
    it has neither, and StackNameError when no stack can have that name."""
    try:
        check_name(stack)
    except SettingsError as error:
        raise StackNameError(str(error), known_stacks(checkout)) from None
    if stack not in known_stacks(checkout):
        raise UnknownStackError(stack, known_stacks(checkout), checkout.stacks)
    return _source(checkout, stack)


def _source(checkout: Checkout, stack: str) -> Path:
    path, template = checkout.stack_file(stack), checkout.stacks / f"Pulumi.{stack}.{TEMPLATE}.yaml"
    # A link to nowhere counts as the stack's file, so that reading it fails with its name.
    return template if not os.path.lexists(path) and os.path.lexists(template) else path


def ensure(checkout: Checkout, stack: str) -> None:
    """Makes the file of `stack` from its template unless it exists. Raises what `find` raises, and
    MalformedStackFileError when the template cannot be read or the file cannot be written."""
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
            f"{path} cannot be made from {source.name}: {error.strerror}. Let the current user write into "
            f"{path.parent}."
        ) from None


def drop_stale_salt(checkout: Checkout, stack: str) -> None:
    """Removes the salt of a passphrase that is gone from the file of `stack`, which is new to the backend.

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
    """Returns the file of `stack`, or its template while it has no file. Raises MalformedStackFileError with
    the line to correct."""
    try:
        return StackFile(_source(checkout, stack))
    except SettingsError as error:
        raise MalformedStackFileError(str(error)) from None


def platform(checkout: Checkout, stack: str) -> Mapping[str, Any]:
    """Returns `nebula:platform` as it stands in the file of `stack`. Only what commands read there is
    checked. Raises MalformedStackFileError with the line to correct, also when the file has no
    `nebula:platform`."""
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
    """Tells whether `stack` runs on this machine. Raises MalformedStackFileError when its file does not say
    where it runs, as a command would act on the wrong place."""
    cloud = platform(checkout, stack).get("cloud")
    if not isinstance(cloud, str):
        where = read(checkout, stack).where(("cloud",))
        raise MalformedStackFileError(f"{where}: must say where the stack runs, such as cloud: {LOCAL}")
    return cloud == LOCAL


def local_directory(checkout: Checkout, stack: str) -> Path:
    """Returns the directory of a local stack: its setting `local.directory`, or the default. Raises
    MalformedStackFileError when no stack may have that directory."""
    given = (platform(checkout, stack).get("local") or {}).get("directory")
    directory = paths.stack_directory(stack) if given is None else Path(str(given))
    problem = paths.stack_directory_problem(directory if given is None else str(given))
    if problem is None:
        return directory
    where = read(checkout, stack).where(("local", "directory"))
    raise MalformedStackFileError(f"{where}: {directory} {problem}")


def keeps_data(checkout: Checkout, stack: str) -> bool:
    """Tells whether the file of a local stack says now that its data is kept when it is taken down."""
    return bool((platform(checkout, stack).get("local") or {}).get("keep_data"))
