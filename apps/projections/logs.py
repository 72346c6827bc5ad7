"""Logs as JSON, one object a line, with what an investigation joins them by."""

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
    """`extra={"context": {...}}` of a record becomes fields of the line; secrets are masked. Texts of a
    context are cut: who sends a request or an event says how long they are."""

    def __init__(self, redact: Redaction, static: Mapping[str, str]) -> None:
        super().__init__()
        self._redact = redact
        self._static = static

    def format(self, record: logging.LogRecord) -> str:
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
    """Send the records of `apps` (INFO and above), and the warnings of libraries, to `stream` or stdout."""
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(JsonFormatter(redact, static or {}))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("apps").setLevel(logging.INFO)


def context_of(data: bytes) -> dict[str, str]:
    """Tenant, correlation and trace id of an event, as far as it can be read."""
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
