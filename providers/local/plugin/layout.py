"""The files and folders in a stack's directory, and how they are written and removed."""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOCKET_LIMIT = 107
"""The most bytes that the path of a Unix socket may have (sun_path of unix(7), without its final NUL)."""

STACK_ENTRIES = frozenset({"owner.json", "supervisor.sock", "supervisord", "secrets", "logs", "run", "data"})
"""The names that the project creates directly below a stack's directory."""

KEEP_DATA_VARIABLE = "NEBULA_KEEP_DATA"
"""The environment variable that overrules `keepData`: with 1 a destroy keeps data and secrets, with 0 it does
not."""


@dataclass(frozen=True)
class StackDirectory:
    """The directory `root` of a stack, and the paths below it.

    Files that only the plugin reads are in `supervisord/`, which the servers' account cannot enter. The
    folders of one server are `run/<name>` and `data/<name>`.
    """

    root: Path

    @property
    def owner_file(self) -> Path:
        return self.root / "owner.json"

    @property
    def control_socket(self) -> Path:
        return self.root / "supervisor.sock"

    @property
    def supervisord_folder(self) -> Path:
        return self.root / "supervisord"

    @property
    def secrets_folder(self) -> Path:
        return self.root / "secrets"

    @property
    def lock_file(self) -> Path:
        return self.root.with_name(f".{self.root.name}.lock")

    def program_file(self, name: str) -> Path:
        return self.supervisord_folder / "programs" / f"{name}.conf"

    def spec_file(self, name: str) -> Path:
        return self.supervisord_folder / "specs" / f"{name}.json"

    def record_file(self, name: str) -> Path:
        return self.supervisord_folder / "records" / f"{name}.json"

    def run_folder(self, name: str) -> Path:
        return self.root / "run" / name

    def data_folder(self, name: str) -> Path:
        return self.root / "data" / name

    def log_file(self, name: str) -> Path:
        return self.root / "logs" / f"{name}.log"

    def workload_names(self) -> list[str]:
        """Return the names of the servers that were set up in this directory and not deleted since."""
        return sorted(path.stem for path in (self.supervisord_folder / "specs").glob("*.json"))

    def create_parents(self) -> list[str]:
        """Create the missing parents of the directory, and return their paths, outermost first."""
        made: list[str] = []
        for parent in reversed(self.root.parents):
            if not parent.exists():
                parent.mkdir(mode=0o755, exist_ok=True)
                made.append(str(parent))
        return made

    def create_root(self) -> None:
        """Create the directory itself."""
        self.root.mkdir(mode=0o700, exist_ok=True)
        self.root.chmod(_passable())

    def create_folders(self) -> None:
        """Create the folders below the directory."""
        for path in (self.root / "run", self.root / "data"):
            path.mkdir(mode=0o700, exist_ok=True)
            if not path.is_symlink():  # A link leads to a larger disk, whose owner decides about its mode.
                path.chmod(_passable())
        for path in (
            self.secrets_folder,
            self.root / "logs",
            self.supervisord_folder,
            self.supervisord_folder / "programs",
        ):
            path.mkdir(mode=0o700, exist_ok=True)
            path.chmod(0o700)
        (self.supervisord_folder / "specs").mkdir(exist_ok=True)
        (self.supervisord_folder / "records").mkdir(exist_ok=True)


def _passable() -> int:
    """Return the mode of the folders above a server's own: under root, the servers' account has to pass
    through."""
    return 0o711 if os.geteuid() == 0 else 0o700


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in the file `path`, or an empty one when the file is missing or damaged."""
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def write_atomically(path: Path, content: str | bytes, mode: int = 0o600) -> None:
    """Replace the file `path` with `content` in one step, and give it `mode`.

    A reader sees either the old file or the whole new one, even after a power loss. Until it has its mode, no
    other user can read it.
    """
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
    """Write a directory's entries to disk, so that renames and removals in it survive a power loss."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_tree(path: Path) -> None:
    """Remove the file or folder `path` with its content, if it exists. Symbolic links are not followed."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    try:
        shutil.rmtree(path)
    except PermissionError:
        for _, _, _, folder in os.fwalk(path):
            os.fchmod(folder, 0o700)
        shutil.rmtree(path)
