"""Projections as a user declares them."""

from typing import Any

STREAMS = [{"name": "EVENTS", "subjects": ["events.>"]}]
COUNTING = """\
def key(event):
    return event["aggregate_id"]

def project(view, event):
    view = view or {"events": 0, "label": "{home} {data} {x}"}
    view["events"] += 1
    return view
"""


def declared(**changes: Any) -> dict[str, Any]:
    """`nebula:platform` with a view of one shard and a view of two."""
    carriers = {
        "name": "carriers",
        "stream": "EVENTS",
        "subjects": ["events.>"],
        "tenant_token": 1,
        "fields": ["aggregate_id"],
        "program": COUNTING,
    }
    shards = [
        {"name": "newark", "subjects": ["events.ewr.>"]},
        {"name": "rest", "subjects": ["events.jfk.>"]},
    ]
    board = {"name": "day_board", "stream": "EVENTS", "shards": shards, "program": COUNTING}
    return {"streams": STREAMS, "projections": [carriers, board], **changes}
