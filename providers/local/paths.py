"""The directories that the local provider uses on this machine.

Root gets /var/lib/nebula and /var/cache/nebula, because a server that runs as an unprivileged user has to
reach its files and cannot enter /root. Any other user gets the XDG base directories.
"""

import os
import re
from pathlib import Path

CACHE_ENTRIES = ("apps", "downloads", "engine", "go", "maven", "pip", "software", "testbed", "trust")
"""The names that the project creates directly below the cache directory."""
_PLAIN = re.compile(r"[A-Za-z0-9/._@+-]+")
_STEPS = frozenset({"", ".", ".."})


def stack_directory(stack: str) -> Path:
    """Return the default directory of the stack named `stack`. It holds all of the stack's files, and
    `destroy` removes it."""
    return _base("XDG_STATE_HOME", ".local/state", "/var/lib") / stack


def stack_directory_problem(path: str | Path) -> str | None:
    """Return the reason why `path` cannot be a stack's directory, or None when it can.

    The text continues a sentence that starts with the path: "is not absolute: …". Only plain characters are
    allowed, because the path is written into the servers' own files (`redis.conf`, `nats.conf`, Java argument
    files), which quote spaces differently, and into lists that `:` or `,` separates.
    """
    text = str(path)
    if not text.startswith("/"):
        return "is not absolute: write the whole path, from / on (no ~, no variable)"
    steps = text[1:].removesuffix("/").split("/")
    if text == "/" or _STEPS & set(steps):
        return "cannot belong to one stack alone: write a path below /, without . and .. in it"
    if not _PLAIN.fullmatch(text):
        return (
            "contains a character that some server cannot read: use ASCII letters, digits, / . _ @ + and -; "
            "local.directory in the stack file chooses another directory"
        )
    return None


def cache_directory() -> Path:
    """Return the directory of downloaded and built software, which all stacks of this user share."""
    return _base("XDG_CACHE_HOME", ".cache", "/var/cache")


def _base(variable: str, below_home: str, system: str) -> Path:
    if os.geteuid() == 0:
        return Path(system) / "nebula"
    configured = os.environ.get(variable, "")
    # The XDG specification says to ignore a relative path.
    base = Path(configured) if configured.startswith("/") else Path.home() / below_home
    return base / "nebula"
