"""The directories that everybody writes to, as one stack's own: what appears there, that stack left.

Other programs of the machine write to `/tmp` and to the user's home at the same time, and nothing in a
file says who made it. So the stack gets directories of its own instead.
"""

import os
import pwd
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from providers.local import paths

_ROOT = Path(__file__).resolve().parents[2]
_TEMPORARY = (Path("/tmp"), Path("/var/tmp"))
_BASE_DIRECTORIES = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")


@dataclass(frozen=True)
class Places:
    """A home and directories for temporary files below `root`.

    Where this process may mount, what is run with `prefix` finds them under their usual names, in a
    mount namespace of its own: nothing that it runs, whatever that heeds, reaches the real ones. Elsewhere
    `variables` name them, which Java does not heed.
    """

    root: Path
    mounts: bool

    @classmethod
    def make(cls, root: Path) -> "Places":
        places = cls(root, _may_mount())
        root.mkdir(mode=0o711)
        for place in _TEMPORARY:
            places.instead_of(place).mkdir()
            places.instead_of(place).chmod(0o1777)
        places.instead_of(_home()).mkdir(mode=0o700)
        for kept, point in places._kept():
            point.mkdir(parents=True, exist_ok=True)
            assert kept.is_dir(), kept
        if not places.mounts:
            cached = places.instead_of(_home()) / ".cache" / "nebula"
            cached.parent.mkdir()
            cached.symlink_to(paths.cache_directory())
        return places

    def instead_of(self, place: Path) -> Path:
        """What stands in for `/tmp`, `/var/tmp` or the home."""
        return self.root / ("home" if place == _home() else str(place).strip("/").replace("/", "-"))

    @property
    def variables(self) -> dict[str, str]:
        home, temporary = _home(), _TEMPORARY[0]
        if not self.mounts:
            home, temporary = self.instead_of(home), self.instead_of(temporary)
        empty = dict.fromkeys(_BASE_DIRECTORIES, "")  # as if they were not set, says the specification
        return {"HOME": str(home), "TMPDIR": str(temporary), **empty}

    @property
    def prefix(self) -> Sequence[str]:
        """What stands before a command; it replaces itself by the command."""
        if not self.mounts:
            return ()
        kept = (("--bind", path, point) for path, point in self._kept())
        # Once the place that holds the stand-ins is hidden, they are seen without what is mounted in them.
        hidden = sorted(_hidden(), key=self.root.is_relative_to)
        stand_ins = (("--rbind", self.instead_of(place), place) for place in hidden)
        mounts = (shlex.join(("mount", *map(str, words))) for words in (*kept, *stand_ins))
        script = "\n".join((*mounts, 'cd "$PWD"', 'exec "$@"'))
        return ("unshare", "--mount", "--propagation", "private", "sh", "-ec", script, "sh")

    def _kept(self) -> list[tuple[Path, Path]]:
        """Directories that must be seen all the same, and where each is mounted in a stand-in."""
        needed = [self.root.parent, *_needed()] if self.mounts else []
        return [
            (path, self.instead_of(place) / path.relative_to(place))
            for place in _hidden()
            for path in needed
            if path.is_relative_to(place)
            and not any(path != other and path.is_relative_to(other) for other in needed)
        ]


@cache
def _home() -> Path:
    """The user's, as programs find it that do not heed HOME."""
    return Path(pwd.getpwuid(os.geteuid()).pw_dir).resolve()


@cache
def _needed() -> frozenset[Path]:
    """The checkout, its Python and the software."""
    needed = (_ROOT, Path(sys.prefix), Path(sys.base_prefix), paths.cache_directory())
    return frozenset(path.resolve() for path in needed)


def _hidden() -> list[Path]:
    """Places that hold nothing of what is needed but below them."""
    places = (*_TEMPORARY, _home())
    return [place for place in places if not any(path == place for path in _needed())]


@cache
def _may_mount() -> bool:
    if os.geteuid() != 0:
        return False
    try:
        asked = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return asked.returncode == 0
