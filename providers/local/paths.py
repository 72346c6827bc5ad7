"""Where the local provider keeps things on this machine.

As root these are /var/lib/nebula and /var/cache/nebula, since an unprivileged server must reach its
files and may not look below /root; for anybody else the XDG base directories.
"""

import os
import re
from pathlib import Path

CACHED = ("apps", "downloads", "engine", "go", "maven", "pip", "software", "testbed", "trust")
"""Everything that is ever made in the cache directory itself."""
_PLAIN = re.compile(r"[A-Za-z0-9/._@+-]+")
_STEPS = frozenset({"", ".", ".."})


def stack_directory(stack: str) -> Path:
    """The directory of everything that belongs to `stack`: `destroy` removes it whole."""
    return _base("XDG_STATE_HOME", ".local/state", "/var/lib") / stack


def directory_problem(path: str | Path) -> str | None:
    """Why no stack can live in `path`, None when one can: what to say after the path itself.

    It stands in the servers' own files (`redis.conf`, `nats.conf`, argument files of Java), each of which
    has its own words for a space or a quote, and in lists that `:` or `,` separates.
    """
    text = str(path)
    if not text.startswith("/"):
        return "is not absolute: write the whole path, from / on (no ~, no variable)"
    steps = text[1:].removesuffix("/").split("/")
    if text == "/" or _STEPS & set(steps):
        return "is no directory of a stack's own: write a path below /, without . and .. in it"
    if not _PLAIN.fullmatch(text):
        return (
            "has a character that some server cannot take: use ASCII letters, digits, / . _ @ + and -; "
            "local.directory in the stack file chooses another directory"
        )
    return None


def cache_directory() -> Path:
    """The directory of everything downloaded or built, shared by all stacks."""
    return _base("XDG_CACHE_HOME", ".cache", "/var/cache")


def _base(variable: str, below_home: str, system: str) -> Path:
    if os.geteuid() == 0:
        return Path(system) / "nebula"
    configured = os.environ.get(variable, "")
    # The XDG specification says to ignore a relative path.
    base = Path(configured) if configured.startswith("/") else Path.home() / below_home
    return base / "nebula"
