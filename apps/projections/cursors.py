"""Cursors: where the next page of a query begins. What comes back may have been made by anybody."""

import base64
import binascii

import msgspec

from apps.projections.errors import QueryError
from apps.projections.ordering import MISSING, SortKey, is_sort_key

LONGEST = 8192
"""Characters. Of a view's id and of what it is sorted by, a cursor matches 511 bytes and 256 characters, each
six at most when it is escaped."""
Position = tuple[SortKey, str]

_Cursor = tuple[str, tuple[int, bool | int | float | str] | None, str]
_decode = msgspec.json.Decoder(_Cursor).decode
_encode = msgspec.json.Encoder().encode


def encode(fingerprint: str, order: SortKey | None, view_id: str) -> str:
    """`fingerprint` is that of the query; `order` is None in the order of ids."""
    return base64.urlsafe_b64encode(_encode((fingerprint, order, view_id))).decode().rstrip("=")


def decode(text: str, fingerprint: str, *, is_sorted: bool) -> Position:
    """Raises QueryError for what `encode` did not make for a query of this fingerprint."""
    try:
        if len(text) <= LONGEST:
            padded = text + "=" * (-len(text) % 4)
            found, order, view_id = _decode(base64.b64decode(padded.encode(), b"-_", validate=True))
            if found == fingerprint and (order is not None) == is_sorted:
                if order is None:
                    return ((MISSING, 0), view_id)
                if is_sort_key(*order):
                    return (order, view_id)
    except (binascii.Error, msgspec.MsgspecError, ValueError, RecursionError):
        pass
    raise QueryError("after: this is not a cursor of this query; begin again without it")
