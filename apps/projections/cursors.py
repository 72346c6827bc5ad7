"""Cursors: texts that say where the next page of a query begins. A client may send any text as one."""

import base64
import binascii

import msgspec

from apps.projections.errors import QueryError
from apps.projections.ordering import MISSING, SortKey, is_sort_key

LONGEST = 8192
"""The largest number of characters of a cursor. It holds a view's id of up to 511 bytes and a sort key of up
to 256 characters, each of which takes at most six when it is escaped."""
Position = tuple[SortKey, str]
"""A place among sorted views: the sort key and the id of a view."""

_Cursor = tuple[str, tuple[int, bool | int | float | str] | None, str]
_decode = msgspec.json.Decoder(_Cursor).decode
_encode = msgspec.json.Encoder().encode


def encode(fingerprint: str, order: SortKey | None, view_id: str) -> str:
    """Returns the cursor that continues behind the view `view_id`.

    `fingerprint` is that of the query. `order` is the view's sort key, None for a query without a sort.
    """
    return base64.urlsafe_b64encode(_encode((fingerprint, order, view_id))).decode().rstrip("=")


def decode(text: str, fingerprint: str, *, is_sorted: bool) -> Position:
    """Returns the position that `text` holds: the sort key and the id of the last view of the page before.

    Raises QueryError unless `encode` made `text` for a query with this fingerprint.
    """
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
    raise QueryError("after: the cursor is not of this query; ask again without `after`, from the first page")
