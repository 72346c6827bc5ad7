"""Applying what was quarantined, once the program or whatever else was at fault has been mended."""

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
    """Sequences that the views now hold, and those that failed again and stay in quarantine."""

    applied: tuple[int, ...]
    held: tuple[int, ...]


def replay(store: Store, projector: Projector, sequences: Collection[int] | None = None) -> Replayed:
    """Apply the quarantined events of `sequences` (all when None), in their order, to the views as they are
    now, and release them in the same commit.

    They come after events that followed them in the stream: where that matters, rebuild the view instead. A
    worker that commits meanwhile is waited for, and one that loses to this begins again from the checkpoint.
    Raises StoreError.
    """
    for _ in range(_ATTEMPTS):
        checkpoint = store.checkpoint()
        chosen = [each for each in store.quarantine() if sequences is None or each.sequence in sequences]
        if checkpoint is None or not chosen:
            return Replayed((), ())
        events = [Event(each.sequence, each.subject, each.data, b"") for each in chosen]
        folded = projector.fold(events, store.views)
        held = tuple(each.sequence for each in folded.quarantined)
        applied = tuple(event.sequence for event in events if event.sequence not in held)
        following = msgspec.structs.replace(checkpoint, revision=checkpoint.revision + 1)
        try:
            store.commit(checkpoint, Batch(following, folded.views, folded.quarantined, applied))
        except ConflictError:
            continue
        return Replayed(applied, held)
    raise StoreError(f"the worker was faster {_ATTEMPTS} times: stop it, or try again")
