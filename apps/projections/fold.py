"""Folding a batch: admit its events, run the program, set aside what fails."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import msgspec

from apps.projections.consumption import Event
from apps.projections.envelope import Admission, PoisonError
from apps.projections.errors import KeyFormatError
from apps.projections.keys import ViewKey
from apps.projections.records import Quarantined
from apps.projections.selection import Selection

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


class Admitted(msgspec.Struct, frozen=True, gc=False):
    """An event that was let in; `data` is what the program is handed of it."""

    event: Event
    tenant: str
    data: bytes


@dataclass(frozen=True)
class Intake:
    """A batch: what of it was let in, and what was not."""

    events: Sequence[Event]
    admitted: list[Admitted] = field(default_factory=list)
    refused: list[Quarantined] = field(default_factory=list)


@dataclass
class Folded:
    """Views by key as they are after the batch (None: deleted), and what was set aside."""

    views: dict[bytes, bytes | None] = field(default_factory=dict)
    quarantined: list[Quarantined] = field(default_factory=list)


class Folder:
    """Folds batches of one view type. The result depends on the events and the views alone, not on where one
    batch ends and the next begins: a batch that fails is divided until the event that fails stands alone."""

    def __init__(
        self,
        view_type: str,
        admission: Admission,
        program: Program,
        selection: Selection | None = None,
    ) -> None:
        self._view_type = view_type
        self._selection = selection
        self._admission = admission if selection is None else replace(admission, envelope=selection.envelope)
        self._columns = () if selection is None else selection.columns
        self._program = program

    def fold(self, events: Sequence[Event], read: ReadViews) -> Folded:
        return self.project(self.admit(events), read)

    def admit(self, events: Sequence[Event]) -> Intake:
        """The first half, which needs no view."""
        intake = Intake(events)
        admit, append = self._admission.admit, intake.admitted.append
        row = None if self._selection is None else self._selection.row
        for event in events:
            try:
                data = event.data
                envelope = admit(event.subject, data)
                append(Admitted(event, envelope.tenant_id, data if row is None else row(envelope, data)))
            except PoisonError as error:
                intake.refused.append(_quarantined(event, error))
        return intake

    def project(self, intake: Intake, read: ReadViews) -> Folded:
        """The second half: run the program."""
        folded = Folded(quarantined=list(intake.refused))
        if intake.admitted:
            self._divide(intake.admitted, read, folded)
        folded.quarantined.sort(key=lambda each: each.sequence)
        return folded

    def _divide(
        self, admitted: Sequence[Admitted], read: ReadViews, folded: Folded, again: bool = False
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
        self, admitted: Sequence[Admitted], read: ReadViews, before: Mapping[bytes, bytes | None]
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
