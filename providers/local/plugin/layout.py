"""What lies where in a stack's directory."""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOCKET_LIMIT = 107
"""Bytes of a Unix socket's path (sun_path of unix(7), without its final NUL)."""

CHILDREN = frozenset({"owner.json", "supervisor.sock", "supervisord", "secrets", "logs", "run", "data"})
"""Everything that is ever made in a stack's directory itself."""


KEEP_VARIABLE = "NEBULA_KEEP_DATA"
"""1: a destroy keeps data and secrets. 0: it does not, whatever the stack was configured to do."""


@dataclass(frozen=True)
class StackDirectory:
    """A stack's directory. What only the plugin reads is below `supervisord/`, closed to the
    servers' user; a server's own folders are `run/<name>` and `data/<name>`."""

    root: Path

    @property
    def owner(self) -> Path:
        return self.root / "owner.json"

    @property
    def socket(self) -> Path:
        return self.root / "supervisor.sock"

    @property
    def control(self) -> Path:
        return self.root / "supervisord"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def lock(self) -> Path:
        return self.root.with_name(f".{self.root.name}.lock")

    def program(self, name: str) -> Path:
        return self.control / "programs" / f"{name}.conf"

    def spec(self, name: str) -> Path:
        return self.control / "specs" / f"{name}.json"

    def record(self, name: str) -> Path:
        return self.control / "records" / f"{name}.json"

    def run(self, name: str) -> Path:
        return self.root / "run" / name

    def data(self, name: str) -> Path:
        return self.root / "data" / name

    def log(self, name: str) -> Path:
        return self.root / "logs" / f"{name}.log"

    def workloads(self) -> list[str]:
        """Names of the servers that were ever set up here and not deleted."""
        return sorted(path.stem for path in (self.control / "specs").glob("*.json"))

    def make_parents(self) -> list[str]:
        """Make what is above the directory; returns what was missing, outermost first."""
        made: list[str] = []
        for parent in reversed(self.root.parents):
            if not parent.exists():
                parent.mkdir(mode=0o755, exist_ok=True)
                made.append(str(parent))
        return made

    def make_root(self) -> None:
        """Make the directory itself."""
        self.root.mkdir(mode=0o700, exist_ok=True)
        self.root.chmod(_passable())

    def make(self) -> None:
        """Make the folders in the directory."""
        for path in (self.root / "run", self.root / "data"):
            path.mkdir(mode=0o700, exist_ok=True)
            if not path.is_symlink():  # to a larger disk: its mode is its owner's
                path.chmod(_passable())
        for path in (self.secrets, self.root / "logs", self.control, self.control / "programs"):
            path.mkdir(mode=0o700, exist_ok=True)
            path.chmod(0o700)
        (self.control / "specs").mkdir(exist_ok=True)
        (self.control / "records").mkdir(exist_ok=True)


def _passable() -> int:
    """The mode of what lies on the way to `run` and `data`: as root, an unprivileged server passes there."""
    return 0o711 if os.geteuid() == 0 else 0o700


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in `path`, empty when there is none or it is damaged."""
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def write_atomically(path: Path, content: str | bytes, mode: int = 0o600) -> None:
    """Write `content` so that a reader sees the old file or the new one, after a power loss too, and
    nobody else reads it on the way."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
    temporary.rename(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Have the names in a directory outlive a power loss: what was renamed or removed there is so."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_tree(path: Path) -> None:
    """Remove a file or folder that may be absent, and read-only folders in it. No link is followed."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    try:
        shutil.rmtree(path)
    except PermissionError:
        for _, _, _, folder in os.fwalk(path):
            os.fchmod(folder, 0o700)
        shutil.rmtree(path)
