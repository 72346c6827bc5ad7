"""Generations of a shard's views: the one that queries see, one that is being built, those kept to go back.

A rebuild, a new version of a program and other subjects are the same: a new generation, with a store, a
checkpoint and a consumer of its own, filled from the stream while the old one serves; then `cut_over`, then,
when nobody wants to go back, `retire`. Each keeps its own program and subjects, so that an old one goes on
being right.
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


class Events(msgspec.Struct, frozen=True):
    """What the views of a generation are made of: as in Source."""

    stream: str
    subjects: tuple[str, ...]
    tenant_token: int | None = None
    fields: tuple[str, ...] = ()


class Generation(msgspec.Struct, frozen=True):
    """`start` is the sequence that it was built from; `events` are None where that was not noted yet: what is
    declared now."""

    number: int
    start: int
    events: Events | None = None


class _State(msgspec.Struct, frozen=True):
    """`begun` is the highest number that was ever given, `declared` the generation of what was last asked for
    (both 0 in files older than that), `awaited` one that is to be active again, `filling` one that is active
    before it is filled, since it is the first."""

    active: int = 0
    generations: tuple[Generation, ...] = ()
    newest_active: int = 0
    begun: int = 0
    declared: int = 0
    awaited: int = 0
    filling: int = 0

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
        """Those that are to be active once they are filled: that never were, or that what is declared goes
        back to. One that was gone back from is not among them."""
        state = self._read()
        return tuple(
            each
            for each in state.generations
            if each.number > state.newest_active or each.number == state.awaited
        )

    @property
    def filling(self) -> Generation | None:
        """The first of all, until it was `filled`: it is active, but holds only a part of the stream."""
        state = self._read()
        return next((each for each in state.generations if each.number == state.filling), None)

    @property
    def unfilled(self) -> tuple[Generation, ...]:
        """What is waited for: it answers, or answers for the whole stream, when it is filled."""
        first = self.filling
        return (*((first,) if first else ()), *self.upcoming)

    def filled(self) -> None:
        with self._alone():
            self._write(replace(self._read(), filling=0))

    def path(self, generation: Generation) -> Path:
        """Of its store."""
        return self.root / str(generation.number)

    def program(self, generation: Generation) -> str:
        """Raises GenerationError for one that was retired."""
        try:
            return (self.path(generation) / _PROGRAM).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise GenerationError(f"generation {generation.number} in {self.root} was retired") from None

    def ensure(self, program: str, events: Events | None = None) -> Generation:
        """The newest generation that folds `events` by `program`: begun if there is none. The first of all is
        active at once, one that was declared before becomes so again."""
        with self._alone():
            state = self._read()
            if state.generations and not state.declared:
                state = replace(state, declared=state.generations[-1].number)
            if events is not None:
                noted = (each if each.events else replace(each, events=events) for each in state.generations)
                state = replace(state, generations=tuple(noted))
            for each in reversed(state.generations):
                if self.program(each) == program and each.events == events:
                    if each.number != state.declared:
                        # What was declared meanwhile is no longer waited for.
                        awaited = 0 if each.number == state.active else each.number
                        state = replace(state, newest_active=state.next - 1, awaited=awaited)
                    self._write(replace(state, declared=each.number))
                    return each
            return self._begin(state, program, 1, events)

    def begin(self, program: str, start: int = 1, events: Events | None = None) -> Generation:
        """A new generation to be filled from sequence `start`."""
        with self._alone():
            return self._begin(self._read(), program, start, events)

    def _begin(self, state: _State, program: str, start: int, events: Events | None) -> Generation:
        self._sweep(state)
        number = state.next
        generation = Generation(number, start, events)
        directory = self.path(generation)
        directory.mkdir()
        _write(directory / _PROGRAM, program.encode())
        generations = (*state.generations, generation)
        state = replace(state, generations=generations, begun=number, declared=number, awaited=0)
        if not state.active:
            state = replace(state, active=number, newest_active=number, filling=number)
        self._write(state)
        return generation

    def cut_over(self, number: int) -> None:
        """Answer queries from generation `number`: forwards, or back."""
        with self._alone():
            self._known(number)
            state = self._read()
            newest = max(state.newest_active, number)
            self._write(replace(state, active=number, newest_active=newest, awaited=0, filling=0))

    def retire(self, number: int) -> Generation:
        """Drop a generation that is not active, with its store: the one that it was."""
        with self._alone():
            generation = self._known(number)
            state = self._read()
            if number == state.active:
                raise GenerationError(f"generation {number} is active: cut over to another first")
            kept = tuple(each for each in state.generations if each.number != number)
            state = replace(state, generations=kept, begun=state.next - 1)
            self._write(state)
            self._sweep(state)
        return generation

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
