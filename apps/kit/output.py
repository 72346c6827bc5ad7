"""What an app prints: plain lines on stdout, its secrets masked."""

import logging
import sys
import traceback
from collections.abc import Iterable
from types import TracebackType

MASK = "********"


class Redaction:
    """Replaces secrets in text. Empty ones are ignored; longer ones go first, so that no rest of
    a secret that contains another stays behind."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = sorted({secret for secret in secrets if secret}, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text


class _RedactingFormatter(logging.Formatter):
    def __init__(self, redact: Redaction) -> None:
        super().__init__("%(message)s")
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        return self._redact(super().format(record))


def configure(redact: Redaction) -> None:
    """Send the log records of `apps` (INFO and above), and the warnings of libraries, to stdout; mask
    secrets there and in the traceback of an error that nobody expected."""

    def report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.stderr.write(redact("".join(traceback.format_exception(kind, error, trace))))

    sys.excepthook = report
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_RedactingFormatter(redact))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("apps").setLevel(logging.INFO)
