"""Keeping secrets out of messages."""

from collections.abc import Mapping
from typing import Any

from providers.local.plugin.layout import StackDirectory

_SHORTEST = 6
"""Shorter values are not hidden: replacing every "a" of a log hides more than the secret."""


def redact(text: str, directory: StackDirectory, inputs: Mapping[str, Any]) -> str:
    """`text` without the values of `secretEnv` and without any secret of the stack."""
    values = {str(value) for value in (inputs.get("secretEnv") or {}).values()}
    if directory.secrets.is_dir():
        values |= {path.read_text() for path in directory.secrets.iterdir() if not path.name.startswith(".")}
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= _SHORTEST:
            text = text.replace(value, "[secret]")
    return text


def last_lines(text: str, count: int = 20) -> str:
    """The last `count` lines, indented for a message."""
    lines = [line for line in text.splitlines() if line.strip()][-count:]
    return "\n".join(f"    {line}" for line in lines) or "    (no output)"
