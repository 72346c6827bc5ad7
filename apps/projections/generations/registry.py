"""The generations of a shard on disk: their record, their programs and the folders of their stores."""

import fcntl
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from apps.projections.generations import state_file
from apps.projections.generations.lifecycle import Lifecycle, Record
from apps.projections.generations.states import EventSource, Generation, GenerationError, State

_log = logging.getLogger("apps.projections.generations")
_PROGRAM = "program.star"
_RETIRED = ".retired-"


class Generations:
    """The generations below the folder `root`, as any process may read and change them.

    Each has a folder named by its number, with its store and its program. Every change of a state is one
    rename of the record's file, so a crash leaves the state before the change or the one after it. A lock on
    `root` keeps two processes from changing it at once.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def all(self) -> tuple[Generation, ...]:
        """The generations that are not retired, oldest first."""
        return self.in_state(*(state for state in State if state is not State.RETIRED))

    @property
    def answering(self) -> Generation | None:
        """The generation that queries are answered from; None before the first one is begun."""
        return self._read().answering

    def in_state(self, *states: State) -> tuple[Generation, ...]:
        """Returns the generations that are in one of `states`, oldest first."""
        return tuple(self._read().in_state(*states))

    def get(self, number: int) -> Generation:
        """Returns generation `number`. Raises GenerationError if there is none, or if it is retired."""
        return self._read().get(number)

    def path(self, generation: Generation) -> Path:
        """Returns the folder of the generation's store."""
        return self.root / str(generation.number)

    def program(self, generation: Generation) -> str:
        """Returns the text of the generation's program. Raises GenerationError if it was retired."""
        try:
            return (self.path(generation) / _PROGRAM).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise GenerationError(f"generation {generation.number} in {self.root} was retired") from None

    def declare(self, program: str, source: EventSource | None = None) -> Generation:
        """Returns the newest generation that is built from `source` by `program`, and begins one if there is
        none.

        It answers queries once it has caught up, unless the same was declared before: then nothing changes.
        """
        with self._changing() as lifecycle:
            if source is not None:
                lifecycle.record = _with_source(lifecycle.record, source)
            for each in reversed(lifecycle.record.generations):
                if each.state is State.RETIRED:
                    continue
                if each.source == source and self.program(each) == program:
                    lifecycle.declare(each.number)
                    return lifecycle.record.get(each.number)
            return self._begin(lifecycle, program, 1, source)

    def begin(self, program: str, start: int = 1, source: EventSource | None = None) -> Generation:
        """Begins a generation that is filled from stream sequence `start` on, and returns it."""
        with self._changing() as lifecycle:
            return self._begin(lifecycle, program, start, source)

    def caught_up(self, number: int) -> None:
        """Lets generation `number`, which has caught up with the stream, answer queries from now on."""
        with self._changing() as lifecycle:
            lifecycle.caught_up(number)

    def cut_over(self, number: int) -> None:
        """Lets generation `number` answer queries at once, be it newer or older than the one that does now.

        Raises GenerationError if there is none, or if it is retired.
        """
        with self._changing() as lifecycle:
            lifecycle.cut_over(number)

    def retire(self, number: int) -> Generation:
        """Gives up generation `number`, deletes its store, and returns what it was.

        Raises GenerationError if it answers queries, or if its folder cannot be deleted.
        """
        with self._changing() as lifecycle:
            generation = lifecycle.record.get(number)
            lifecycle.retire(number)
        with self._locked():
            self._sweep(self._read())
        return generation

    def forget(self, number: int) -> None:
        """Removes what is left of the retired generation `number`, and drops it from the record."""
        with self._changing() as lifecycle:
            self._sweep(lifecycle.record)
            lifecycle.forget(number)

    def _begin(
        self, lifecycle: Lifecycle, program: str, start: int, source: EventSource | None
    ) -> Generation:
        # A crash may have left a folder of the number that is given now.
        self._sweep(lifecycle.record)
        generation = lifecycle.begin(start, source)
        directory = self.path(generation)
        directory.mkdir()
        state_file.write_durably(directory / _PROGRAM, program.encode())
        return generation

    def _sweep(self, record: Record) -> None:
        """Deletes the folders of retired generations, and those that a crash left."""
        known = {str(each.number) for each in record.generations if each.state is not State.RETIRED}
        for left in self.root.glob(f"{_RETIRED}*"):
            _remove(left)
        for directory in list(self.root.iterdir()):
            if directory.name.isdecimal() and directory.name not in known:
                # A worker may be about to open it: from here on it finds nothing, and can make no file in
                # what is being removed.
                _remove(directory.rename(self.root / f"{_RETIRED}{directory.name}"))

    @contextmanager
    def _changing(self) -> Iterator[Lifecycle]:
        """Yields the record to be changed; writes it, and logs each transition, when the block ends well."""
        with self._locked():
            before = self._read()
            lifecycle = Lifecycle(before)
            yield lifecycle
            if lifecycle.record != before:
                state_file.write(self.root / state_file.NAME, lifecycle.record)
            for generation in lifecycle.record.generations:
                if generation.number > before.last_number:
                    _log.info(
                        "generation %d is %s: it begins at sequence %d",
                        generation.number,
                        generation.state,
                        generation.start,
                    )
            for transition in lifecycle.transitions:
                _log.info("%s", transition)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Holds the lock against other processes, such as a command line. It ends with its holder."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _read(self) -> Record:
        return state_file.read(self.root / state_file.NAME)


def _with_source(record: Record, source: EventSource) -> Record:
    """Returns the record with `source` for the generations of releases that did not record theirs."""
    generations = (each if each.source else replace(each, source=source) for each in record.generations)
    return replace(record, generations=tuple(generations))


def _remove(directory: Path) -> None:
    try:
        shutil.rmtree(directory)
    except OSError as error:
        raise GenerationError(
            f"{directory} is no longer used, but cannot be deleted: {error}. Delete it by hand"
        ) from error
