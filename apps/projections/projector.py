"""Applies batches of events to views: decodes the events, runs the program, sets aside the events that
fail."""

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
"""Returns the bytes of the views of some keys, in their order; None for a view that does not exist."""


_OUTSIDE = frozenset({"memory", "crash", "time"})
"""The kinds of failure that a busy machine can cause too. An event is set aside only if it fails so twice."""


class Program(Protocol):
    """A loaded program: the sandbox, or a stand-in of it."""

    def apply(
        self,
        events: Sequence[bytes],
        lookup: Callable[[list[str | None]], tuple[list[int], list[bytes | None]]],
        columns: Sequence[Sequence[str]] = (),
    ) -> list[bytes | None]:
        """Returns the views after `events`, as Sandbox.apply does."""
        ...


class DecodedEvent(msgspec.Struct, frozen=True, gc=False):
    """An event that can be applied. `data` is the part of it that is handed to the program, as JSON."""

    event: Event
    tenant: str
    data: bytes


@dataclass(frozen=True)
class DecodedBatch:
    """A batch of events, divided into those that can be applied and those that go to the quarantine."""

    events: Sequence[Event]
    decoded: list[DecodedEvent] = field(default_factory=list)
    rejected: list[Quarantined] = field(default_factory=list)


@dataclass
class ProjectedBatch:
    """The result of a batch: the bytes of each view that it changed (None: deleted), by key, and the events
    that failed."""

    views: dict[bytes, bytes | None] = field(default_factory=dict)
    quarantined: list[Quarantined] = field(default_factory=list)


class Projector:
    """Applies batches of events to the views of one type, `view_type`.

    `decoder` checks the events, `program` computes the views, and `selection` is the part of an event that it
    reads (None: all). The result depends on the events and the views alone, not on where one batch ends and
    the next begins: a batch that fails is divided until the event that fails stands alone.
    """

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

    def apply(self, events: Sequence[Event], read: ReadViews) -> ProjectedBatch:
        """Decodes and projects `events`. `read` returns the views as they are before them."""
        return self.project(self.decode(events), read)

    def decode(self, events: Sequence[Event]) -> DecodedBatch:
        """Decodes a batch: the first half of `apply`, which needs no view."""
        batch = DecodedBatch(events)
        decode, append = self._decoder.decode, batch.decoded.append
        row = None if self._selection is None else self._selection.row
        for event in events:
            try:
                data = event.data
                envelope = decode(event.subject, data)
                append(DecodedEvent(event, envelope.tenant_id, data if row is None else row(envelope, data)))
            except PoisonError as error:
                batch.rejected.append(_quarantined(event, error))
        return batch

    def project(self, batch: DecodedBatch, read: ReadViews) -> ProjectedBatch:
        """Runs the program over a decoded batch: the second half of `apply`. `read` is as there."""
        result = ProjectedBatch(quarantined=list(batch.rejected))
        if batch.decoded:
            self._divide(batch.decoded, read, result)
        result.quarantined.sort(key=lambda each: each.sequence)
        return result

    def _divide(
        self, decoded: Sequence[DecodedEvent], read: ReadViews, result: ProjectedBatch, again: bool = False
    ) -> None:
        try:
            result.views.update(self._run(decoded, read, result.views))
        except PoisonError as error:
            if len(decoded) == 1:
                if error.kind in _OUTSIDE and not again:
                    self._divide(decoded, read, result, again=True)
                    return
                result.quarantined.append(_quarantined(decoded[0].event, error))
                return
            middle = len(decoded) // 2
            self._divide(decoded[:middle], read, result)
            self._divide(decoded[middle:], read, result)

    def _run(
        self, decoded: Sequence[DecodedEvent], read: ReadViews, before: Mapping[bytes, bytes | None]
    ) -> dict[bytes, bytes | None]:
        keys: list[bytes] = []

        def lookup(ids: list[str | None]) -> tuple[list[int], list[bytes | None]]:
            slots: list[int] = []
            slot_of: dict[tuple[str, str], int] = {}
            for each, view_id in zip(decoded, ids, strict=True):
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

        views = self._program.apply([each.data for each in decoded], lookup, self._columns)
        return dict(itertools.zip_longest(keys, views))

    def _key(self, tenant: str, view_id: str) -> bytes:
        try:
            return ViewKey(tenant, self._view_type, view_id).encode()
        except KeyFormatError as error:
            raise PoisonError("key", str(error)) from None


def _quarantined(event: Event, error: PoisonError) -> Quarantined:
    return Quarantined(event.sequence, event.subject, error.kind, str(error), event.data)
