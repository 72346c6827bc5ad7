"""The stack file, `stacks/Pulumi.<stack>.yaml`: what it says, and where a setting stands in it.

Every command reads stack files here, and the program finds the lines for its errors here.
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
    """The stack's configuration is wrong; the message says where and how to mend it."""


class StackFileError(SettingsError):
    """The stack file cannot be read."""


def check_name(stack: str) -> None:
    """Raises SettingsError for what is no name of a stack. Templates are not: the engine would write the
    salt of somebody's passphrase into a tracked file."""
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
    """A stack file. It may be absent (a config file kept elsewhere); then errors name the key only.

    Raises StackFileError, with the line, for a file that is none: no UTF-8, no YAML, or YAML that has no
    values of a stack file.
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
        """For errors: `stacks/Pulumi.local.yaml`."""
        return f"{self.path.parent.name}/{self.path.name}"

    def platform(self) -> Mapping[str, Any]:
        """`nebula:platform` as it stands in the file: encrypted values are `{"secure": …}`. Raises
        StackFileError when there is none, or when it is no mapping."""
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
        """`stacks/Pulumi.local.yaml, line 7: nebula:platform.topics[0].partitions`."""
        name = KEY + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
        return f"{self._at(self._line((KEY, *key)))}: {name}"

    def unknown_keys(self) -> list[str]:
        """Where `config` has keys of our namespace other than `nebula:platform`, and which."""
        config = self._config()
        keys = [key for key, _ in config.value] if isinstance(config, yaml.MappingNode) else []
        return [
            f"{self._at(key.start_mark.line + 1)}: {key.value}"
            for key in keys
            if key.value.startswith("nebula:") and key.value != KEY
        ]

    def encrypted(self) -> list[int]:
        """The lines at which values stand that only the stack's passphrase or key opens: `secure: …`, however
        it is written."""
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
        """Refuse what the engine would refuse without saying where, or read as nothing."""
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
