"""Digests: the fingerprint of what a table was made from, kept in the snapshot that it made."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

INPUT_DIGEST = "nebula.input-digest"
MONTH_DIGESTS = "nebula.month-digests"


def digest(value: Any) -> str:
    """Sixteen hexadecimal digits over a JSON value, independent of the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def month_digests(summary: Mapping[str, str]) -> dict[int, str]:
    """The digest of each month that a snapshot holds; empty if it does not say."""
    recorded: dict[str, str] = json.loads(summary.get(MONTH_DIGESTS, "{}"))
    return {int(month): value for month, value in recorded.items()}
