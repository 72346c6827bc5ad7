"""Where the local provider keeps things on this machine.

As root these are /var/lib/nebula and /var/cache/nebula, since an unprivileged server must reach its
files and may not look below /root; for anybody else the XDG base directories.
"""

import os
from pathlib import Path

CACHED = ("apps", "downloads", "engine", "go", "maven", "pip", "software", "testbed", "trust")
"""Everything that is ever made in the cache directory itself."""


def stack_directory(stack: str) -> Path:
    """The directory of everything that belongs to `stack`: `destroy` removes it whole."""
    return _base("XDG_STATE_HOME", ".local/state", "/var/lib") / stack


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
