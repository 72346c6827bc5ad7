"""Applies events from the quarantine, once the program, or whatever was at fault, has been mended."""

from collections.abc import Collection
from dataclasses import dataclass

import msgspec

from apps.projections.errors import ConflictError, StoreError
from apps.projections.projector import Projector
from apps.projections.store import Batch, Store
from apps.projections.subscription import Event

_ATTEMPTS = 50


@dataclass(frozen=True)
class Replayed:
    """The sequences of the events that were applied, and of those that failed again and stay in
    quarantine."""

    applied: tuple[int, ...]
    held: tuple[int, ...]


def replay(store: Store, projector: Projector, sequences: Collection[int] | None = None) -> Replayed:
    """Applies the quarantined events of `sequences` (None: all), in their order, to the views as they are
    now.

    The events leave the quarantine in the same commit. They are applied after events that followed them in
    the stream: if that matters, rebuild the view instead. If a worker commits meanwhile, this is tried again,
    and a worker that it overtakes begins again from the checkpoint. Raises StoreError if the store fails, or
    the worker is faster 50 times.
    """
    for _ in range(_ATTEMPTS):
        checkpoint = store.checkpoint()
        chosen = [each for each in store.quarantine() if sequences is None or each.sequence in sequences]
        if checkpoint is None or not chosen:
            return Replayed((), ())
        events = [Event(each.sequence, each.subject, each.data, b"") for each in chosen]
        result = projector.apply(events, store.views)
        held = tuple(each.sequence for each in result.quarantined)
        applied = tuple(event.sequence for event in events if event.sequence not in held)
        following = msgspec.structs.replace(checkpoint, revision=checkpoint.revision + 1)
        try:
            store.commit(checkpoint, Batch(following, result.views, result.quarantined, applied))
        except ConflictError:
            continue
        return Replayed(applied, held)
    raise StoreError(f"the worker committed first {_ATTEMPTS} times: stop the service, or try again")
