"""The resource type Secret: a random value, made once and kept in a file that only its owner can read."""

import os
import secrets
import shlex
import stat
import string
from pathlib import Path

from providers.local.plugin.accounts import user_name
from providers.local.plugin.errors import SecretError
from providers.local.plugin.layout import StackDirectory, write_atomically
from providers.local.plugin.properties import UNKNOWN, Properties, differences
from providers.local.plugin.resource_type import (
    CheckFailure,
    PluginContext,
    ResourceDiff,
    check_name,
    with_drift,
)

_ALPHABET = string.ascii_letters + string.digits
_SHORTEST, _LONGEST = 8, 512


class SecretType:
    """Implements the resource type Secret.

    A missing or changed file is restored from Pulumi's state. When the state is lost, the value is taken from
    the file, which stays with kept data, unless another user could have read or written the file.
    """

    def __init__(self, context: PluginContext) -> None:
        self._context = context

    def check(self, urn: str, inputs: Properties) -> list[CheckFailure]:
        failures = check_name(inputs)
        length = inputs.get("length")
        if not isinstance(length, int) or not _SHORTEST <= length <= _LONGEST:
            failures.append(
                CheckFailure("length", f"{length!r} is not a number from {_SHORTEST} to {_LONGEST}")
            )
        return failures

    def diff(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> ResourceDiff:
        changes = ResourceDiff(inputs=differences(old, inputs))
        changes.replace = list(changes.inputs)
        changes.drift = self._drift(state)
        return changes

    def _drift(self, state: Properties) -> list[str]:
        return [] if _read(_path(state)) == state["value"] else ["value"]

    def preview(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Properties:
        return _outputs(inputs, state.get("value", UNKNOWN))

    def create(self, urn: str, inputs: Properties) -> tuple[str, Properties]:
        self._context.begin_changes(StackDirectory(Path(inputs["directory"])), urn)
        path, length = _path(inputs), int(inputs["length"])
        value = _read(path)
        if value is None and (found := _problem(path)):
            problem, remedy = found
            raise SecretError(
                f"{path} contains a secret of an earlier run, but {problem}. If no other user can have "
                "read or "
                f"written it, run: {remedy}. Otherwise remove it and the data that it gives access to"
            )
        if value is None or len(value) != length:
            value = "".join(secrets.choice(_ALPHABET) for _ in range(length))
            path.parent.mkdir(mode=0o700, exist_ok=True)
            write_atomically(path, value)
        return inputs["name"], _outputs(inputs, value)

    def update(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Properties:
        self._context.begin_changes(StackDirectory(Path(inputs["directory"])), urn)
        path = _path(inputs)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_atomically(path, state["value"])
        return _outputs(inputs, state["value"])

    def read(self, state: Properties, inputs: Properties) -> Properties | None:
        return with_drift(state, self._drift(state)) if Path(state["directory"]).exists() else None

    def delete(self, urn: str, state: Properties) -> None:
        """Do nothing: the Host removes the file, or keeps it with the data that it gives access to."""


def _path(properties: Properties) -> Path:
    return StackDirectory(Path(properties["directory"])).secrets_folder / str(properties["name"])


def _read(path: Path) -> str | None:
    """Return the content of the file, or None when it is missing or other users could have read or written
    it."""
    if not os.path.lexists(path) or _problem(path):
        return None
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return None


def _problem(path: Path) -> tuple[str, str] | None:
    """Return why other users could have read or written the file, and the command that makes it private.

    Returns None when only this user could, and when the file does not exist.
    """
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    name, own = shlex.quote(str(path)), shlex.quote(f"{path}.own")
    # A linked file is copied: chown and chmod would change it for the users of its other name.
    apart = f"(umask 077 && cp {name} {own} && mv -f {own} {name})"
    if stat.S_ISLNK(found.st_mode):
        return "it is a link to another file", apart
    if not stat.S_ISREG(found.st_mode):
        return "it is not a regular file", f"mv {name} {shlex.quote(f'{path}.away')}"
    if found.st_nlink > 1:
        return "it has a second hard link", apart
    adopt = f"chown $(id -u) {name} && chmod 600 {name}"
    if found.st_uid != os.geteuid():
        return f"it belongs to user {user_name(found.st_uid)}", adopt
    if found.st_mode & 0o077:
        return f"others may read it (its mode is {stat.S_IMODE(found.st_mode):04o})", adopt
    return None


def _outputs(inputs: Properties, value: str) -> Properties:
    return {"name": inputs["name"], "directory": inputs["directory"], "value": value}
