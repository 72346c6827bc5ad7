"""Generations of a shard's views: the one that queries see, one that is being built, those kept to go back.

A rebuild and a new version of a program are the same: a new generation, with a store, a checkpoint and a
consumer of its own, filled from the stream while the old one serves; then `cut_over`, then, when nobody wants
to go back, `retire`. Each keeps its own program, so that an old one goes on being right.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec.structs import replace

from apps.projections.errors import ProjectionError

_FILE = "generations.json"
_PROGRAM = "program.star"
_RETIRED = ".retired-"


class GenerationError(ProjectionError):
    """What is asked of a generation cannot be done."""


class Generation(msgspec.Struct, frozen=True):
    """`start` is the sequence that it was built from."""

    number: int
    start: int


class _State(msgspec.Struct, frozen=True):
    """`begun` is the highest number that was ever given (0 in files older than it)."""

    active: int = 0
    generations: tuple[Generation, ...] = ()
    newest_active: int = 0
    begun: int = 0

    @property
    def next(self) -> int:
        """Never one that was used: somebody may still have the store of that path open."""
        return max(self.begun, self.newest_active, *(each.number for each in self.generations), 0) + 1


class Generations:
    """What is in `root`. Every change is one rename: a crash leaves the state before or after it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def active(self) -> Generation | None:
        """The one that queries are answered from."""
        state = self._read()
        return next((each for each in state.generations if each.number == state.active), None)

    @property
    def all(self) -> tuple[Generation, ...]:
        return self._read().generations

    @property
    def upcoming(self) -> tuple[Generation, ...]:
        """Those that never were active, and are to be once they are filled. One that was gone back from is
        not among them."""
        state = self._read()
        return tuple(each for each in state.generations if each.number > state.newest_active)

    def path(self, generation: Generation) -> Path:
        """Of its store."""
        return self.root / str(generation.number)

    def program(self, generation: Generation) -> str:
        """Raises GenerationError for one that was retired."""
        try:
            return (self.path(generation) / _PROGRAM).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise GenerationError(f"generation {generation.number} in {self.root} was retired") from None

    def ensure(self, program: str) -> Generation:
        """The newest generation, which has `program`: begun if there is none that does. The first of all
        is active at once."""
        with self._alone():
            state = self._read()
            if state.generations and self.program(state.generations[-1]) == program:
                return state.generations[-1]
            return self._begin(state, program, 1)

    def begin(self, program: str, start: int = 1) -> Generation:
        """A new generation to be filled from sequence `start`."""
        with self._alone():
            return self._begin(self._read(), program, start)

    def _begin(self, state: _State, program: str, start: int) -> Generation:
        self._sweep(state)
        number = state.next
        generation = Generation(number, start)
        directory = self.path(generation)
        directory.mkdir()
        _write(directory / _PROGRAM, program.encode())
        state = replace(state, generations=(*state.generations, generation), begun=number)
        self._write(state if state.active else replace(state, active=number, newest_active=number))
        return generation

    def cut_over(self, number: int) -> None:
        """Answer queries from generation `number`: forwards, or back."""
        with self._alone():
            self._known(number)
            state = self._read()
            newest = max(state.newest_active, number)
            self._write(replace(state, active=number, newest_active=newest))

    def retire(self, number: int) -> None:
        """Drop a generation that is not active, with its store."""
        with self._alone():
            self._known(number)
            state = self._read()
            if number == state.active:
                raise GenerationError(f"generation {number} is active: cut over to another first")
            kept = tuple(each for each in state.generations if each.number != number)
            state = replace(state, generations=kept, begun=state.next - 1)
            self._write(state)
            self._sweep(state)

    def _sweep(self, state: _State) -> None:
        """Remove what is no generation's (any more), also what a crash left of it."""
        known = {str(each.number) for each in state.generations}
        for left in self.root.glob(f"{_RETIRED}*"):
            _remove(left)
        for directory in list(self.root.iterdir()):
            if directory.name.isdecimal() and directory.name not in known:
                # A worker may be about to open it: from here on it finds nothing, and can make no file in
                # what is being removed.
                _remove(directory.rename(self.root / f"{_RETIRED}{directory.name}"))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Against another process, such as a command line: the lock ends with its holder."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _known(self, number: int) -> Generation:
        known = {each.number: each for each in self._read().generations}
        if number not in known:
            numbers = ", ".join(map(str, known)) or "none"
            raise GenerationError(f"{self.root} has no generation {number}; it has: {numbers}")
        return known[number]

    def _read(self) -> _State:
        try:
            return msgspec.json.decode((self.root / _FILE).read_bytes(), type=_State)
        except FileNotFoundError:
            return _State()
        except msgspec.MsgspecError as error:
            raise GenerationError(f"{self.root / _FILE} cannot be read: {error}") from error

    def _write(self, state: _State) -> None:
        _write(self.root / _FILE, msgspec.json.encode(state))


def _remove(directory: Path) -> None:
    try:
        shutil.rmtree(directory)
    except OSError as error:
        raise GenerationError(f"{directory} is no longer used, and cannot be removed: {error}") from error


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all, and on disk."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
