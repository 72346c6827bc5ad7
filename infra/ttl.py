"""Reads the day until which a stack is needed, and says when it is past."""

import re
from datetime import date

_DAY = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})([Tt ]00:00:00(\.0+)?( ?Z| \+0000 UTC)?)?")
"""A day, or the midnight that a YAML reader makes of it: `pulumi config set` writes every unquoted date of a
file anew as `2026-01-31 00:00:00 +0000 UTC`."""


def day_of(text: str) -> date:
    """Returns the day that `text` names. Raises ValueError with the form to write."""
    found = _DAY.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError("it is no day")
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError as error:
        raise ValueError(f'{text!r} names no day ({error}): write "2026-01-31", in quotes') from None


def overdue(ttl: date | None, today: date) -> str | None:
    """Returns a warning for a stack whose last day `ttl` is before `today`, else None."""
    if ttl is None or today <= ttl:
        return None
    days = (today - ttl).days
    since = "1 day" if days == 1 else f"{days} days"
    return (
        f"The ttl of this stack, {ttl.isoformat()}, is past since {since}: destroy it (make down), park it "
        "(power: parked), or set a later ttl."
    )
