"""Renders the inputs of a server or task: command, environment and files with every template filled in."""

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
from providers.local.plugin.environment import base_environment, network_environment, workload_environment
from providers.local.plugin.errors import PluginError
from providers.local.plugin.layout import StackDirectory, read_json, remove_tree, write_atomically
from providers.local.plugin.properties import UNKNOWN


@dataclass(frozen=True)
class File:
    """The content of a workload's file, and its mode."""

    content: bytes
    mode: int


@dataclass(frozen=True)
class WorkloadSpec:
    """A server or task with every template rendered.

    `env` does not contain the user's proxy and CA variables, which differ between shells and must not restart
    a server. `files` maps paths below `run/<name>` to files. `account` is None when it runs as the current
    user. `stop_seconds` after `stop_signal` the server is killed.
    """

    directory: StackDirectory
    name: str
    argv: list[str]
    env: dict[str, str]
    files: dict[str, File]
    template_values: dict[str, str]
    ports: dict[str, int]
    bind: str
    account: Account | None
    stop_signal: str
    stop_seconds: int
    triggers: dict[str, str]
    parked: bool = False

    @property
    def run_folder(self) -> Path:
        return self.directory.run_folder(self.name)

    @cached_property
    def digest(self) -> str:
        """A hash of everything whose change requires a restart of the server."""
        files = {
            path: [file.mode, hashlib.sha256(file.content).hexdigest()] for path, file in self.files.items()
        }
        account = [self.account.user, self.account.group] if self.account else None
        stop = [self.stop_signal, self.stop_seconds]
        parts = [self.argv, self.env, files, account, stop, self.triggers]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def render_command(self, template: list[str]) -> list[str]:
        """Return the words of `template` with placeholders filled in. Raises PluginError for an unknown
        one."""
        try:
            return [render(word, self.template_values) for word in template]
        except UnknownPlaceholderError as error:
            raise PluginError(f"{self.name}: {error.args[0]}; see components/templates.py") from error

    def environment(self) -> dict[str, str]:
        """Return the whole environment of a command of this workload, proxy and CA variables included."""
        return {**base_environment(self.directory.root, self.name, self.run_folder), **self.env}

    def write_files(self) -> None:
        """Create `run/<name>` anew with the workload's files. Only the workload's user can enter it."""
        remove_tree(self.run_folder)
        (self.run_folder / "tmp").mkdir(parents=True)
        self.run_folder.chmod(0o700)
        for path, file in self.files.items():
            target = self.run_folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, file.content, file.mode)
        if self.account:
            self.account.take_over(self.run_folder)

    def write_launch_spec(self) -> None:
        """Write the JSON file that the launcher (exec.py) reads before each start of the server."""
        launch = {
            "argv": self.argv,
            "env": self.env,
            "inherited": network_environment(),
            "cwd": str(self.run_folder),
            "user": self.account.user if self.account else None,
            "group": self.account.group if self.account else None,
            "digest": self.digest,
            "ports": self.ports,
            "bind": self.bind,
            "stopSignal": self.stop_signal,
            "stopSeconds": self.stop_seconds,
            "parked": self.parked,
        }
        write_atomically(self.directory.spec_file(self.name), json.dumps(launch))

    def matches_disk(self) -> bool:
        """Return whether the launcher's JSON file and all files of the workload exist and are unchanged."""
        launch = read_json(self.directory.spec_file(self.name))
        if (launch.get("digest"), launch.get("argv"), launch.get("env")) != (
            self.digest,
            self.argv,
            self.env,
        ):
            return False
        return all(_content(self.run_folder / path) == file.content for path, file in self.files.items())


def render_spec(inputs: Mapping[str, Any]) -> WorkloadSpec:
    """Render the inputs of a Process or Task resource.

    Raises PluginError for an unknown placeholder and for a file outside of `{run}`.
    """
    directory = StackDirectory(Path(inputs["directory"]))
    name = inputs["name"]
    values = _values(directory, name, inputs)

    def rendered(table: str) -> dict[str, str]:
        return {key: render(str(value), values) for key, value in (inputs.get(table) or {}).items()}

    try:
        plain, secret = rendered("files"), rendered("secretFiles")
        env = {
            **workload_environment(directory.root, name, directory.run_folder(name)),
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
            raise PluginError(
                f"{name}: the file {path!r} is outside of {{run}}; use a relative path without `..`"
            )
    return WorkloadSpec(
        directory=directory,
        name=name,
        argv=argv,
        env=env,
        files=files,
        template_values=values,
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
    """Return what is wrong with the templates in `inputs`, or None. Values that are still unknown are
    accepted."""
    for key, kind in _TEMPLATES.items():
        if not isinstance(inputs.get(key) or kind(), kind):
            return None
    try:
        spec = render_spec({**inputs, "unprivileged": False, "stopSignal": None, "stopSeconds": None})
        commands = [*(inputs.get("prepare") or []), (inputs.get("readiness") or {}).get("command") or []]
        for command in commands:
            spec.render_command(command)
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
        "run": str(directory.run_folder(name)),
        "data": str(directory.data_folder(name)),
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
