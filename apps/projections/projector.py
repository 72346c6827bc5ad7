"""Folding a batch: admit its events, run the program, set aside what fails."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import msgspec

from apps.projections.envelope import EventDecoder, PoisonError
from apps.projections.errors import KeyFormatError
from apps.projections.field_selection import FieldSelection
from apps.projections.keys import ViewKey
from apps.projections.records import Quarantined
from apps.projections.subscription import Event

ReadViews = Callable[[Sequence[bytes]], Sequence[bytes | None]]


_OUTSIDE = frozenset({"memory", "crash", "time"})
"""What a busy machine can cause too: no event is set aside for it before a second attempt."""


class Program(Protocol):
    """What folds events into views: the sandbox."""

    def fold(
        self,
        events: Sequence[bytes],
        lookup: Callable[[list[str | None]], tuple[list[int], list[bytes | None]]],
        columns: Sequence[Sequence[str]] = (),
    ) -> list[bytes | None]: ...


class DecodedEvent(msgspec.Struct, frozen=True, gc=False):
    """An event that was let in; `data` is what the program is handed of it."""

    event: Event
    tenant: str
    data: bytes


@dataclass(frozen=True)
class DecodedBatch:
    """A batch: what of it was let in, and what was not."""

    events: Sequence[Event]
    admitted: list[DecodedEvent] = field(default_factory=list)
    refused: list[Quarantined] = field(default_factory=list)


@dataclass
class ProjectedBatch:
    """Views by key as they are after the batch (None: deleted), and what was set aside."""

    views: dict[bytes, bytes | None] = field(default_factory=dict)
    quarantined: list[Quarantined] = field(default_factory=list)


class Projector:
    """Folds batches of one view type. The result depends on the events and the views alone, not on where one
    batch ends and the next begins: a batch that fails is divided until the event that fails stands alone."""

    def __init__(
        self,
        view_type: str,
        decoder: EventDecoder,
        program: Program,
        selection: FieldSelection | None = None,
    ) -> None:
        self._view_type = view_type
        self._selection = selection
        self._decoder = decoder if selection is None else replace(decoder, envelope=selection.envelope)
        self._columns = () if selection is None else selection.columns
        self._program = program

    def fold(self, events: Sequence[Event], read: ReadViews) -> ProjectedBatch:
        return self.project(self.decode(events), read)

    def decode(self, events: Sequence[Event]) -> DecodedBatch:
        """The first half, which needs no view."""
        batch = DecodedBatch(events)
        admit, append = self._decoder.decode, batch.admitted.append
        row = None if self._selection is None else self._selection.row
        for event in events:
            try:
                data = event.data
                envelope = admit(event.subject, data)
                append(DecodedEvent(event, envelope.tenant_id, data if row is None else row(envelope, data)))
            except PoisonError as error:
                batch.refused.append(_quarantined(event, error))
        return batch

    def project(self, batch: DecodedBatch, read: ReadViews) -> ProjectedBatch:
        """The second half: run the program."""
        folded = ProjectedBatch(quarantined=list(batch.refused))
        if batch.admitted:
            self._divide(batch.admitted, read, folded)
        folded.quarantined.sort(key=lambda each: each.sequence)
        return folded

    def _divide(
        self, admitted: Sequence[DecodedEvent], read: ReadViews, folded: ProjectedBatch, again: bool = False
    ) -> None:
        try:
            folded.views.update(self._run(admitted, read, folded.views))
        except PoisonError as error:
            if len(admitted) == 1:
                if error.kind in _OUTSIDE and not again:
                    self._divide(admitted, read, folded, again=True)
                    return
                folded.quarantined.append(_quarantined(admitted[0].event, error))
                return
            middle = len(admitted) // 2
            self._divide(admitted[:middle], read, folded)
            self._divide(admitted[middle:], read, folded)

    def _run(
        self, admitted: Sequence[DecodedEvent], read: ReadViews, before: Mapping[bytes, bytes | None]
    ) -> dict[bytes, bytes | None]:
        keys: list[bytes] = []

        def lookup(ids: list[str | None]) -> tuple[list[int], list[bytes | None]]:
            slots: list[int] = []
            slot_of: dict[tuple[str, str], int] = {}
            for each, view_id in zip(admitted, ids, strict=True):
                if view_id is None:
                    slots.append(-1)
                    continue
                named = (each.tenant, view_id)
                slot = slot_of.get(named)
                if slot is None:
                    slot = slot_of[named] = len(keys)
                    keys.append(self._key(*named))
                slots.append(slot)
            stored = iter(read([key for key in keys if key not in before]))
            return slots, [before[key] if key in before else next(stored) for key in keys]

        views = self._program.fold([each.data for each in admitted], lookup, self._columns)
        return dict(itertools.zip_longest(keys, views))

    def _key(self, tenant: str, view_id: str) -> bytes:
        try:
            return ViewKey(tenant, self._view_type, view_id).encode()
        except KeyFormatError as error:
            raise PoisonError("key", str(error)) from None


def _quarantined(event: Event, error: PoisonError) -> Quarantined:
    return Quarantined(event.sequence, event.subject, error.kind, str(error), event.data)
