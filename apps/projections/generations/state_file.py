"""`generations.json`: the record of a shard's generations on disk, in the forms of this release and of
earlier ones."""

import os
import tempfile
from pathlib import Path

import msgspec

from apps.projections.generations.lifecycle import Record
from apps.projections.generations.states import EventSource, Generation, GenerationError, State

NAME = "generations.json"
_REMEDY = "Restore it from a backup, or delete its folder: the views are then built anew from the stream"
_FORMAT = 2


class _Format(msgspec.Struct, frozen=True):
    """The part of the file that says how to read the rest. Format 1 did not say it."""

    format: int = 1


class _FormatTwo(msgspec.Struct, frozen=True):
    """The file of this release: the fields of a record."""

    format: int
    generations: tuple[Generation, ...]
    declared: int
    last_number: int


class _GenerationOne(msgspec.Struct, frozen=True):
    number: int
    start: int
    events: EventSource | None = None


class _FormatOne(msgspec.Struct, frozen=True):
    """The file of earlier releases, which described the states by numbers of generations.

    `active` answers queries, `filling` is the same number while it does so incompletely. Numbers above
    `newest_active`, and `awaited`, are to answer once they have caught up. `begun` and `declared` are 0 in
    the oldest files.
    """

    active: int = 0
    generations: tuple[_GenerationOne, ...] = ()
    newest_active: int = 0
    begun: int = 0
    declared: int = 0
    awaited: int = 0
    filling: int = 0

    def upgraded(self) -> Record:
        numbers = [each.number for each in self.generations]
        return Record(
            generations=tuple(
                Generation(each.number, each.start, self._state(each.number), each.events)
                for each in self.generations
            ),
            declared=self.declared or (numbers[-1] if numbers else 0),
            last_number=max(self.begun, self.newest_active, *numbers, 0),
        )

    def _state(self, number: int) -> State:
        if number == self.active:
            return State.SERVING_INCOMPLETE if number == self.filling else State.SERVING
        if number > self.newest_active or number == self.awaited:
            return State.FILLING
        return State.STANDBY


def read(path: Path) -> Record:
    """Returns the record in the file at `path`; an empty one if there is no file.

    Raises GenerationError if the file cannot be understood. It is then left as it is: guessing would fill a
    generation anew, or answer from the wrong one.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Record()
    try:
        found = msgspec.json.decode(data, type=_Format).format
        record: Record
        if found == 1:
            record = msgspec.json.decode(data, type=_FormatOne).upgraded()
        elif found == _FORMAT:
            two = msgspec.json.decode(data, type=_FormatTwo)
            record = Record(two.generations, two.declared, two.last_number)
        else:
            raise GenerationError(
                f"{path} has format {found}, this release reads 1 to {_FORMAT}: run the release that wrote it"
            )
    except msgspec.MsgspecError as error:
        raise GenerationError(f"{path} cannot be read: {error}. {_REMEDY}") from error
    if problem := record.problem():
        raise GenerationError(f"{path} contradicts itself: {problem}. {_REMEDY}")
    return record


def write(path: Path, record: Record) -> None:
    """Replaces the file at `path` by `record`, in the newest format."""
    if problem := record.problem():
        raise GenerationError(f"{path} was not written: {problem}")
    content = _FormatTwo(_FORMAT, record.generations, record.declared, record.last_number)
    write_durably(path, msgspec.json.encode(content))


def write_durably(path: Path, data: bytes) -> None:
    """Writes `data` to `path`, and waits until the disk has it.

    After a crash the file holds the old bytes or the new ones, never a part of them.
    """
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
