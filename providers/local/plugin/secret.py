"""The Secret: random, minted once, in a file that only its owner reads."""

import os
import secrets
import shlex
import stat
import string
from pathlib import Path

from providers.local.plugin.errors import SecretError
from providers.local.plugin.layout import StackDirectory, write_atomically
from providers.local.plugin.ports import user_name
from providers.local.plugin.properties import UNKNOWN, Properties, differences
from providers.local.plugin.resource import Changes, Failure, Surroundings, name_failures, with_drift

_ALPHABET = string.ascii_letters + string.digits
_SHORTEST, _LONGEST = 8, 512


class Secret:
    """Resource type Secret. The state has the last word: a lost or changed file is restored from it.
    The file serves whoever lost the state: it stays with kept data, and is adopted if nobody else could
    have read or written it."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._around = surroundings

    def check(self, urn: str, inputs: Properties) -> list[Failure]:
        failures = name_failures(inputs)
        length = inputs.get("length")
        if not isinstance(length, int) or not _SHORTEST <= length <= _LONGEST:
            failures.append(Failure("length", f"{length!r} is not from {_SHORTEST} to {_LONGEST}"))
        return failures

    def diff(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Changes:
        changes = Changes(inputs=differences(old, inputs))
        changes.replace = list(changes.inputs)
        changes.reality = self._drift(state)
        return changes

    def _drift(self, state: Properties) -> list[str]:
        return [] if _read(_path(state)) == state["value"] else ["value"]

    def preview(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Properties:
        return _outputs(inputs, state.get("value", UNKNOWN))

    def create(self, urn: str, inputs: Properties) -> tuple[str, Properties]:
        self._around.enter(StackDirectory(Path(inputs["directory"])), urn)
        path, length = _path(inputs), int(inputs["length"])
        value = _read(path)
        if value is None and (found := _problem(path)):
            problem, remedy = found
            raise SecretError(
                f"{path} holds a secret of an earlier run, but {problem}. If nobody else can have read or "
                f"written it, run: {remedy}. Otherwise remove it, and the data that it opens"
            )
        if value is None or len(value) != length:
            value = "".join(secrets.choice(_ALPHABET) for _ in range(length))
            path.parent.mkdir(mode=0o700, exist_ok=True)
            write_atomically(path, value)
        return inputs["name"], _outputs(inputs, value)

    def update(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Properties:
        self._around.enter(StackDirectory(Path(inputs["directory"])), urn)
        path = _path(inputs)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_atomically(path, state["value"])
        return _outputs(inputs, state["value"])

    def read(self, state: Properties, inputs: Properties) -> Properties | None:
        return with_drift(state, self._drift(state)) if Path(state["directory"]).exists() else None

    def delete(self, urn: str, state: Properties) -> None:
        """Nothing: the Host removes the file, or keeps it beside the data that it opens."""


def _path(properties: Properties) -> Path:
    return StackDirectory(Path(properties["directory"])).secrets / str(properties["name"])


def _read(path: Path) -> str | None:
    """The secret in a file that only we could read and write; None for any other, and for none."""
    if not os.path.lexists(path) or _problem(path):
        return None
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return None


def _problem(path: Path) -> tuple[str, str] | None:
    """Why the file at `path` may hold what others know, or put there, and the command that keeps its content;
    None for a safe file, and for none."""
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    name, own = shlex.quote(str(path)), shlex.quote(f"{path}.own")
    # Not chown or chmod where there is another name: they would change the file for whoever uses that.
    apart = f"(umask 077 && cp {name} {own} && mv -f {own} {name})"
    if stat.S_ISLNK(found.st_mode):
        return "it is a link to another file", apart
    if not stat.S_ISREG(found.st_mode):
        return "it is no plain file", f"mv {name} {shlex.quote(f'{path}.away')}"
    if found.st_nlink > 1:
        return "it has a second name elsewhere", apart
    adopt = f"chown $(id -u) {name} && chmod 600 {name}"
    if found.st_uid != os.geteuid():
        return f"it belongs to user {user_name(found.st_uid)}", adopt
    if found.st_mode & 0o077:
        return f"others may read it (its mode is {stat.S_IMODE(found.st_mode):04o})", adopt
    return None


def _outputs(inputs: Properties, value: str) -> Properties:
    return {"name": inputs["name"], "directory": inputs["directory"], "value": value}
