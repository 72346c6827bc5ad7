"""Whether a stream still is the one that the views were made from."""

from collections.abc import Callable

from apps.projections.errors import StreamChangedError
from apps.projections.jetstream import StreamState
from apps.projections.records import Checkpoint

_MEND = "Restore the stream, or rebuild the view: projections rebuild"


def check_stream(checkpoint: Checkpoint, stream: StreamState, digest_at: Callable[[int], str | None]) -> None:
    """Raises StreamChangedError when events that the views hold are not the stream's, or when events that
    they lack are gone."""
    name, known = stream.identity.name, checkpoint.sequence
    if stream.identity != checkpoint.stream:
        raise StreamChangedError(
            f"stream {name} was recreated: it was made at {stream.identity.created}, the views hold "
            f"events of one made at {checkpoint.stream.created}. {_MEND}"
        )
    if stream.last < max(known, checkpoint.seen):
        raise StreamChangedError(
            f"stream {name} was truncated or restored to an earlier point: it ends at sequence "
            f"{stream.last}, the views were made from it up to {max(known, checkpoint.seen)}. {_MEND}"
        )
    if known >= stream.first and known > 0:
        found = digest_at(known)
        if found is not None and found != checkpoint.digest:
            raise StreamChangedError(
                f"stream {name} holds another event at sequence {known} than the views do: it was "
                f"restored and written to since, or the server lost what it had acknowledged. {_MEND}"
            )
    if stream.first > checkpoint.next:
        raise StreamChangedError(
            f"stream {name} begins at sequence {stream.first}: events from {checkpoint.next} on were "
            f"discarded before they were folded. Give the stream longer limits; {_MEND.lower()}"
        )
