"""Reads the history of an Iceberg table from Nessie.

Nessie keeps the history as commits of its own: the table's metadata names its current snapshot only, and
`schema.table@main#COMMIT` names the table as it was after an earlier commit.
"""

from dataclasses import dataclass
from typing import Any

import requests


@dataclass(frozen=True)
class Version:
    """A snapshot of a table, and the Nessie commit that made it current."""

    commit: str
    snapshot_id: int


def table_history(nessie: str, table: str) -> list[Version]:
    """Return the versions of `schema.table` on the branch main, oldest first. `nessie` is the server's
    URL."""
    elements = table.split(".")
    versions = []
    parameters = {"fetch": "ALL", "max-records": "100"}
    while True:
        answer = requests.get(f"{nessie}/api/v2/trees/main/history", params=parameters, timeout=30)
        answer.raise_for_status()
        page: dict[str, Any] = answer.json()
        for entry in page["logEntries"]:
            for operation in entry.get("operations") or ():
                snapshot = operation.get("content", {}).get("snapshotId", -1)
                # A table that was only just made has the snapshot -1: none.
                if operation["key"]["elements"] == elements and snapshot != -1:
                    versions.append(Version(entry["commitMeta"]["hash"], snapshot))
        if not page.get("hasMore"):
            return versions[::-1]
        parameters["page-token"] = page["token"]
