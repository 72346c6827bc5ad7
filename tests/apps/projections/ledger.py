"""A projection that cannot hide a mistake, and the same computed by a plain fold.

Each view counts its events and keeps a hash over their values in order: one event lost, applied twice or out
of order changes the bytes for good.
"""

import json
from collections.abc import Iterable

import msgspec

from apps.projections.keys import ViewKey

VIEW = "ledger"
PROGRAM = """\
def key(event):
    return event["aggregate_id"]

def project(view, event):
    if view == None:
        view = {"events": 0, "hash": 7}
    value = event["payload"]["value"]
    if value < 0:
        fail("a value is negative")
    view["events"] += 1
    view["hash"] = (view["hash"] * 31 + value) % 2147483647
    if value % 13 == 0:
        view["last"] = event.get("note", "none")
    if value == 999999:
        return None
    return view
"""
FIELDS = ("aggregate_id", "payload.value", "note")
"""What the program reads."""


def event(tenant: str, account: str, value: int, **more: object) -> bytes:
    envelope = {
        "tenant_id": tenant,
        "aggregate_id": account,
        "aggregate_type": "account",
        "event_type": "booked",
        "payload": {"value": value},
        "timestamp": "2013-01-01T05:15:00Z",
        **more,
    }
    return json.dumps(envelope).encode()


def fold(messages: Iterable[tuple[int, str, bytes]]) -> tuple[dict[bytes, bytes], list[int]]:
    """The views by key, and the sequences of what must be in quarantine."""
    views: dict[tuple[str, str], dict[str, object]] = {}
    poisoned: list[int] = []
    for sequence, subject, data in messages:
        try:
            given = json.loads(data)
            tenant, account, value = given["tenant_id"], given["aggregate_id"], given["payload"]["value"]
        except (ValueError, KeyError, TypeError, RecursionError):
            poisoned.append(sequence)
            continue
        infinite = isinstance(value, float)
        if infinite or tenant != subject.split(".")[1] or value < 0 or len(account) > 500:
            poisoned.append(sequence)
            continue
        view = views.get((tenant, account), {"events": 0, "hash": 7})
        count, mix = view["events"], view["hash"]
        assert isinstance(count, int)
        assert isinstance(mix, int)
        view = {**view, "events": count + 1, "hash": (mix * 31 + value) % 2147483647}
        if value % 13 == 0:
            view["last"] = given.get("note", "none")
        if value == 999999:
            views.pop((tenant, account), None)
        else:
            views[tenant, account] = view
    encoded = {
        ViewKey(tenant, VIEW, account).encode(): msgspec.json.encode(view, order="sorted")
        for (tenant, account), view in views.items()
    }
    return encoded, poisoned
