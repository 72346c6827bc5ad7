"""What a server or task will be: its inputs with every template rendered."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from components.templates import UnknownPlaceholderError, render
from providers.local.plugin.accounts import Account, server_account
from providers.local.plugin.environment import base_environment, inherited, own_environment
from providers.local.plugin.errors import PluginError
from providers.local.plugin.layout import StackDirectory, read_json, remove_tree, write_atomically
from providers.local.plugin.properties import UNKNOWN


@dataclass(frozen=True)
class File:
    """A file of a workload and its permissions."""

    content: bytes
    mode: int


@dataclass(frozen=True)
class Spec:
    """A rendered workload. `env` leaves out the user's proxy and CA variables: those differ from
    shell to shell and are no reason to restart a server."""

    directory: StackDirectory
    name: str
    argv: list[str]
    env: dict[str, str]
    files: dict[str, File]
    values: dict[str, str]
    ports: dict[str, int]
    bind: str
    account: Account | None
    stop_signal: str
    stop_seconds: int
    triggers: dict[str, str]
    parked: bool = False

    @property
    def run(self) -> Path:
        return self.directory.run(self.name)

    @cached_property
    def digest(self) -> str:
        """Changes exactly when the server has to be started again."""
        files = {
            path: [file.mode, hashlib.sha256(file.content).hexdigest()] for path, file in self.files.items()
        }
        account = [self.account.user, self.account.group] if self.account else None
        stop = [self.stop_signal, self.stop_seconds]
        parts = [self.argv, self.env, files, account, stop, self.triggers]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def command(self, template: list[str]) -> list[str]:
        """An argv rendered. Raises PluginError for a placeholder without a value."""
        try:
            return [render(word, self.values) for word in template]
        except UnknownPlaceholderError as error:
            raise PluginError(f"{self.name}: {error.args[0]}; see components/templates.py") from error

    def environment(self) -> dict[str, str]:
        """The whole environment of a command that is run for this workload."""
        return {**base_environment(self.directory.root, self.name, self.run), **self.env}

    def write_files(self) -> None:
        """Make `run/<name>` anew with the workload's files, for its user alone."""
        remove_tree(self.run)
        (self.run / "tmp").mkdir(parents=True)
        self.run.chmod(0o700)
        for path, file in self.files.items():
            target = self.run / path
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, file.content, file.mode)
        if self.account:
            self.account.own(self.run)

    def write_launch(self) -> None:
        """Write what the launcher reads."""
        launch = {
            "argv": self.argv,
            "env": self.env,
            "inherited": inherited(),
            "cwd": str(self.run),
            "user": self.account.user if self.account else None,
            "group": self.account.group if self.account else None,
            "digest": self.digest,
            "ports": self.ports,
            "bind": self.bind,
            "stopSignal": self.stop_signal,
            "stopSeconds": self.stop_seconds,
            "parked": self.parked,
        }
        write_atomically(self.directory.spec(self.name), json.dumps(launch))

    def on_disk(self) -> bool:
        """Whether the launcher's spec and all files are there as rendered."""
        launch = read_json(self.directory.spec(self.name))
        if (launch.get("digest"), launch.get("argv"), launch.get("env")) != (
            self.digest,
            self.argv,
            self.env,
        ):
            return False
        return all(_content(self.run / path) == file.content for path, file in self.files.items())


def spec_of(inputs: Mapping[str, Any]) -> Spec:
    """Render the inputs of a Process or Task. Raises PluginError for a placeholder without a value
    and for a file outside `{run}`."""
    directory = StackDirectory(Path(inputs["directory"]))
    name = inputs["name"]
    values = _values(directory, name, inputs)

    def rendered(table: str) -> dict[str, str]:
        return {key: render(str(value), values) for key, value in (inputs.get(table) or {}).items()}

    try:
        plain, secret = rendered("files"), rendered("secretFiles")
        env = {
            **own_environment(directory.root, name, directory.run(name)),
            **rendered("env"),
            **rendered("secretEnv"),
        }
        argv = [render(word, values) for word in inputs["command"]]
    except UnknownPlaceholderError as error:
        raise PluginError(f"{name}: {error.args[0]}; see components/templates.py") from error
    files = {
        path: File(content.encode(), 0o700 if content.startswith("#!") else 0o644)
        for path, content in plain.items()
    }
    files |= {path: File(content.encode(), 0o600) for path, content in secret.items()}
    binary = {key: text for key, text in (inputs.get("binaryFiles") or {}).items() if text != UNKNOWN}
    files |= {path: File(base64.b64decode(text), 0o644) for path, text in binary.items()}
    for path in files:
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts:
            raise PluginError(f"{name}: file {path!r} is not below {{run}}; name it by a relative path")
    return Spec(
        directory=directory,
        name=name,
        argv=argv,
        env=env,
        files=files,
        values=values,
        ports={
            port: int(number) for port, number in (inputs.get("ports") or {}).items() if number != UNKNOWN
        },
        bind=inputs.get("bind") or "127.0.0.1",
        account=server_account(bool(inputs.get("unprivileged"))),
        stop_signal=inputs.get("stopSignal") or "TERM",
        stop_seconds=int(inputs.get("stopSeconds") or 30),
        triggers={key: str(value) for key, value in (inputs.get("triggers") or {}).items()},
        parked=bool(inputs.get("parked")),
    )


def template_problem(inputs: Mapping[str, Any]) -> str | None:
    """What is wrong with the templates of `inputs`, as far as a preview knows them."""
    for key, kind in _TEMPLATES.items():
        if not isinstance(inputs.get(key) or kind(), kind):
            return None
    try:
        spec = spec_of({**inputs, "unprivileged": False, "stopSignal": None, "stopSeconds": None})
        commands = [*(inputs.get("prepare") or []), (inputs.get("readiness") or {}).get("command") or []]
        for command in commands:
            spec.command(command)
    except PluginError as error:
        return str(error)
    return None


_TEMPLATES = {
    "homes": dict,
    "command": list,
    "env": dict,
    "secretEnv": dict,
    "files": dict,
    "secretFiles": dict,
    "binaryFiles": dict,
    "ports": dict,
}


def _values(directory: StackDirectory, name: str, inputs: Mapping[str, Any]) -> dict[str, str]:
    bind = inputs.get("bind") or "127.0.0.1"
    values = {key: str(home) for key, home in (inputs.get("homes") or {}).items()}
    values |= {
        "run": str(directory.run(name)),
        "data": str(directory.data(name)),
        "workload": name.replace("_", "-"),
        "bind": bind,
        "host": bind,
        "index": "0",
    }
    for port, number in (inputs.get("ports") or {}).items():
        values[f"port.{port}"] = str(number)
        values[f"peers.{port}"] = values[f"peer.{port}.0"] = f"{bind}:{number}"
    return values


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
