"""Logs as JSON, one object a line, with the ids that tie lines of one request or event together."""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TextIO

from apps.kit.output import Redaction
from apps.projections.envelope import EventDecoder, PoisonError, trace_id

_BELIEVING = EventDecoder(None)
_SHOWN = 200


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON, with the fields `static` and with secrets masked.

    `extra={"context": {...}}` of a record becomes fields of the line. Their texts are cut to 200 characters,
    because whoever sends a request or an event chooses their length.
    """

    def __init__(self, redact: Redaction, static: Mapping[str, str]) -> None:
        super().__init__()
        self._redact = redact
        self._static = static

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line for `record`."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._static,
            **{name: _brief(value) for name, value in getattr(record, "context", {}).items()},
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return self._redact(json.dumps(entry, ensure_ascii=False, default=str))


def _brief(value: object) -> object:
    return value[:_SHOWN] if isinstance(value, str) else value


def configure(
    redact: Redaction, static: Mapping[str, str] | None = None, stream: TextIO | None = None
) -> None:
    """Sends the records of `apps` from INFO on, and those of libraries from WARNING on, to `stream` or
    stdout.

    `static` are fields that every line has; `redact` masks secrets.
    """
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(JsonFormatter(redact, static or {}))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("apps").setLevel(logging.INFO)


def context_of(data: bytes) -> dict[str, str]:
    """Returns tenant, correlation and trace id of the event in `data`, for its log line; what it has of
    them."""
    try:
        envelope = _BELIEVING.decode("", data)
    except PoisonError:
        return {}
    known = {
        "tenant_id": envelope.tenant_id,
        "correlation_id": envelope.correlation_id,
        "trace_id": trace_id(envelope),
    }
    return {name: value for name, value in known.items() if value is not None}
