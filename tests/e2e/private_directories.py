"""Gives one stack its own home and directories for temporary files, so that a test sees which files that
stack left.

Other programs of the machine write to `/tmp` and to the user's home at the same time, and a file does not say
who made it.
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
class PrivateDirectories:
    """A home and directories for temporary files below `root`.

    When this process may mount (`mounts`), a command that is run with `prefix` finds them under their usual
    names, in a mount namespace of its own, and cannot reach the real ones. Otherwise only `variables` name
    them, which Java ignores.
    """

    root: Path
    mounts: bool

    @classmethod
    def make(cls, root: Path) -> "PrivateDirectories":
        places = cls(root, _may_mount())
        root.mkdir(mode=0o711)
        for place in _TEMPORARY:
            places.replacement_of(place).mkdir()
            places.replacement_of(place).chmod(0o1777)
        places.replacement_of(_home()).mkdir(mode=0o700)
        for kept, point in places._kept():
            point.mkdir(parents=True, exist_ok=True)
            assert kept.is_dir(), kept
        if not places.mounts:
            cached = places.replacement_of(_home()) / ".cache" / "nebula"
            cached.parent.mkdir()
            cached.symlink_to(paths.cache_directory())
        return places

    def replacement_of(self, place: Path) -> Path:
        """Return the directory that replaces `place`, which is `/tmp`, `/var/tmp` or the home."""
        return self.root / ("home" if place == _home() else str(place).strip("/").replace("/", "-"))

    @property
    def variables(self) -> dict[str, str]:
        home, temporary = _home(), _TEMPORARY[0]
        if not self.mounts:
            home, temporary = self.replacement_of(home), self.replacement_of(temporary)
        empty = dict.fromkeys(_BASE_DIRECTORIES, "")  # as if they were not set, says the specification
        return {"HOME": str(home), "TMPDIR": str(temporary), **empty}

    @property
    def prefix(self) -> Sequence[str]:
        """Return the words to put before a command. They set up the mounts and then execute the command."""
        if not self.mounts:
            return ()
        kept = (("--bind", path, point) for path, point in self._kept())
        # Once the place that holds the stand-ins is hidden, they are seen without what is mounted in them.
        hidden = sorted(_hidden(), key=self.root.is_relative_to)
        stand_ins = (("--rbind", self.replacement_of(place), place) for place in hidden)
        mounts = (shlex.join(("mount", *map(str, words))) for words in (*kept, *stand_ins))
        script = "\n".join((*mounts, 'cd "$PWD"', 'exec "$@"'))
        return ("unshare", "--mount", "--propagation", "private", "sh", "-ec", script, "sh")

    def _kept(self) -> list[tuple[Path, Path]]:
        """Return the directories below a replaced one that must stay visible, each with its mount point."""
        needed = [self.root.parent, *_needed()] if self.mounts else []
        return [
            (path, self.replacement_of(place) / path.relative_to(place))
            for place in _hidden()
            for path in needed
            if path.is_relative_to(place)
            and not any(path != other and path.is_relative_to(other) for other in needed)
        ]


@cache
def _home() -> Path:
    """Return the user's home from the passwd file, as programs find it that ignore HOME."""
    return Path(pwd.getpwuid(os.geteuid()).pw_dir).resolve()


@cache
def _needed() -> frozenset[Path]:
    """Return the directories that every run needs: the checkout, its Python and the installed software."""
    needed = (_ROOT, Path(sys.prefix), Path(sys.base_prefix), paths.cache_directory())
    return frozenset(path.resolve() for path in needed)


def _hidden() -> list[Path]:
    """Return the directories that can be replaced, because none of them is itself needed."""
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
