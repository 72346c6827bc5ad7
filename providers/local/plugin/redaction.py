"""Removes secrets from the messages that users see."""

from collections.abc import Mapping
from typing import Any

from providers.local.plugin.layout import StackDirectory

_SHORTEST = 6
"""Shorter values stay visible, because replacing every "a" of a log would hide the log."""


def redact(text: str, directory: StackDirectory, inputs: Mapping[str, Any]) -> str:
    """Return `text` with "[secret]" in place of each secret of the stack and each value of the input
    `secretEnv`."""
    values = {str(value) for value in (inputs.get("secretEnv") or {}).values()}
    if directory.secrets_folder.is_dir():
        values |= {
            path.read_text() for path in directory.secrets_folder.iterdir() if not path.name.startswith(".")
        }
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= _SHORTEST:
            text = text.replace(value, "[secret]")
    return text


def last_lines(text: str, count: int = 20) -> str:
    """Return the last `count` lines of `text` that are not blank, indented for a message."""
    lines = [line for line in text.splitlines() if line.strip()][-count:]
    return "\n".join(f"    {line}" for line in lines) or "    (no output)"
