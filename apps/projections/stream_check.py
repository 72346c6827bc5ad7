"""Checks that a stream still is the one that the views were built from."""

from collections.abc import Callable

from apps.projections.errors import StreamChangedError
from apps.projections.jetstream import StreamState
from apps.projections.records import Checkpoint

_REMEDY = "Restore the stream, or rebuild the view: projections rebuild"


def check_stream(checkpoint: Checkpoint, stream: StreamState, digest_at: Callable[[int], str | None]) -> None:
    """Compares the `checkpoint` of a store with the `stream` as it is now.

    `digest_at` returns the hash of the event at a sequence, None if there is none. Raises StreamChangedError
    if the views hold events that the stream does not have, or lack events that it no longer has.
    """
    name, known = stream.identity.name, checkpoint.sequence
    if stream.identity != checkpoint.stream:
        raise StreamChangedError(
            f"stream {name} was recreated: it was made at {stream.identity.created}, and the views "
            f"hold events of one that was made at {checkpoint.stream.created}. {_REMEDY}"
        )
    if stream.last < max(known, checkpoint.seen):
        raise StreamChangedError(
            f"stream {name} was truncated or restored to an earlier point: it ends at sequence "
            f"{stream.last}, and the views were built from it up to {max(known, checkpoint.seen)}. {_REMEDY}"
        )
    if known >= stream.first and known > 0:
        found = digest_at(known)
        if found is not None and found != checkpoint.digest:
            raise StreamChangedError(
                f"stream {name} holds another event at sequence {known} than the views do: it was "
                f"restored and written to since, or the server lost what it had acknowledged. {_REMEDY}"
            )
    if stream.first > checkpoint.next:
        raise StreamChangedError(
            f"stream {name} begins at sequence {stream.first}: events from {checkpoint.next} on were "
            f"discarded before they were applied. Give the stream longer limits; {_REMEDY.lower()}"
        )
