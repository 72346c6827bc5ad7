"""When a stack should be gone."""

from datetime import date


def overdue(ttl: date | None, today: date) -> str | None:
    """What to say of a stack that should be gone, None when it should not: `ttl` is its last day."""
    if ttl is None or today <= ttl:
        return None
    days = (today - ttl).days
    since = "1 day" if days == 1 else f"{days} days"
    return (
        f"The ttl of this stack, {ttl.isoformat()}, is past since {since}: destroy it (make down), park it "
        "(power: parked), or set a later ttl."
    )
