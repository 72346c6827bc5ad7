"""Reads the stack file, `stacks/Pulumi.<stack>.yaml`, and finds the line of a setting.

Every command reads stack files by this module, and the program finds the lines for its errors with it.
"""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from infra import stack_yaml

KEY = "nebula:platform"
TEMPLATE = "template"
_STACK = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}")


class SettingsError(Exception):
    """Reports that the stack's configuration is wrong. The message says where, and how to fix it."""


class StackFileError(SettingsError):
    """Reports that the stack file cannot be read."""


def check_name(stack: str) -> None:
    """Raises SettingsError for a name that no stack can have. The name of a template is refused as well:
    the engine would write the salt of a user's passphrase into a tracked file."""
    name, _, template = stack.partition(".")
    if template == TEMPLATE:
        raise SettingsError(
            f"{stack} is the template that stack {name} is made from, and no stack: say STACK={name}."
        )
    if not _STACK.fullmatch(stack):
        raise SettingsError(
            f"{stack!r} is no name of a stack: it has letters, digits, _ and -, does not begin with -, "
            "and is 63 characters long at most."
        )


class StackFile:
    """A stack file. If it is absent (a config file kept elsewhere), errors name the key only.

    Raises StackFileError with the line if the file is not UTF-8 or not YAML, or has values that no stack
    file can have.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._root: yaml.Node | None = None
        if os.path.lexists(path):
            try:
                # Asked before it is opened: a pipe would be waited for.
                if not stat.S_ISREG(path.stat().st_mode):
                    raise self._error(None, "is no file: remove it, or put the stack's file there")
                self._root = stack_yaml.compose(path.read_bytes().decode("utf-8-sig"))
            except UnicodeDecodeError as error:
                line = error.object.count(b"\n", 0, error.start) + 1
                raise self._error(line, "is not UTF-8: save the file in that encoding") from None
            except OSError as error:
                raise self._error(None, f"cannot be read: {error.strerror}") from None
            except stack_yaml.YamlError as error:
                raise self._error(error.line, str(error)) from None
            self._check()

    @property
    def name(self) -> str:
        """Returns the file's name in errors, such as `stacks/Pulumi.local.yaml`."""
        return f"{self.path.parent.name}/{self.path.name}"

    def platform(self) -> Mapping[str, Any]:
        """Returns `nebula:platform` as written: an encrypted value is `{"secure": …}`. Raises
        StackFileError if it is absent or no mapping."""
        found = _child(self._config(), KEY)
        if found is None:
            raise StackFileError(f"{self.name} has no {KEY}: start from stacks/Pulumi.local.template.yaml")
        node, line = found
        if not isinstance(node, yaml.MappingNode):
            raise self._error(line, f"{KEY} must be a mapping: start from stacks/Pulumi.local.template.yaml")
        try:
            platform: Mapping[str, Any] = stack_yaml.construct(node)
        except stack_yaml.YamlError as error:
            raise self._error(error.line, str(error)) from None
        if set(platform) == {"secure"}:
            raise self._error(
                line,
                f"{KEY} is encrypted as a whole, and no command can read it: encrypt its secret values",
            )
        return platform

    def where(self, key: tuple[str | int, ...]) -> str:
        """Returns the place of a setting, such as `stacks/Pulumi.local.yaml, line 7:
        nebula:platform.topics[0].partitions`."""
        name = KEY + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
        return f"{self._at(self._line((KEY, *key)))}: {name}"

    def unknown_keys(self) -> list[str]:
        """Returns the line and the name of each key of `config` that begins with `nebula:` and is not
        `nebula:platform`."""
        config = self._config()
        keys = [key for key, _ in config.value] if isinstance(config, yaml.MappingNode) else []
        return [
            f"{self._at(key.start_mark.line + 1)}: {key.value}"
            for key in keys
            if key.value.startswith("nebula:") and key.value != KEY
        ]

    def encrypted(self) -> list[int]:
        """Returns the lines of the encrypted values (`secure: …`), which only the stack's passphrase or
        key can open."""
        found, seen, waiting = set(), set(), [self._root]
        while waiting:
            node = waiting.pop()
            if node is None or id(node) in seen:
                continue
            seen.add(id(node))
            if isinstance(node, yaml.MappingNode):
                found |= {key.start_mark.line + 1 for key, _ in node.value if key.value == "secure"}
                waiting += [value for _, value in node.value]
            elif isinstance(node, yaml.SequenceNode):
                waiting += node.value
        return sorted(found)

    def _config(self) -> yaml.Node | None:
        found = _child(self._root, "config")
        return found[0] if found else None

    def _check(self) -> None:
        """Refuses a file that the engine would refuse without a line, or read as empty."""
        for node, what in ((self._root, "the file"), (self._config(), "config")):
            empty = node is None or node.tag.endswith(":null")
            if not empty and not isinstance(node, yaml.MappingNode):
                assert node is not None  # it is not empty
                line = node.start_mark.line + 1
                raise self._error(line, f"{what} must be a mapping of keys to values (config: …)")

    def _line(self, key: tuple[str | int, ...]) -> int | None:
        node, line = self._root, None
        for part in ("config", *key):
            found = _child(node, part)
            if found is None:
                break
            node, line = found
        return line

    def _at(self, line: int | None) -> str:
        return f"{self.name}{f', line {line}' if line else ''}"

    def _error(self, line: int | None, problem: str) -> StackFileError:
        return StackFileError(f"{self._at(line)}: {problem}")


def _child(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == part:
                return value, key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item, item.start_mark.line + 1
    return None
