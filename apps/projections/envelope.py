"""The envelope of an event, and how the bytes of a message become one."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

LARGEST = 1 << 20
"""The largest size of an event, in bytes."""


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """The fields that every event has, decoded and checked.

    `payload` stays encoded: the program reads the whole event, unknown fields included, from the bytes that
    were sent.
    """

    tenant_id: str
    aggregate_id: str
    aggregate_type: str
    event_type: str
    payload: msgspec.Raw
    timestamp: datetime
    correlation_id: str | None = None
    traceparent: str | None = None


class PoisonError(Exception):
    """An event cannot be applied. The message is the reason; `kind` is its class, as the quarantine lists
    it."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class EventDecoder:
    """Decodes events and checks whose they are.

    `tenant_token` is the position of the tenant in the subject, counted from 0, which the envelope's
    `tenant_id` must equal; None if the envelope is believed. `envelope` is the type that events are decoded
    as.
    """

    tenant_token: int | None
    envelope: type[Envelope] = Envelope
    _decode: Callable[[bytes], Envelope] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_decode", msgspec.json.Decoder(self.envelope).decode)

    def decode(self, subject: str, data: bytes) -> Envelope:
        """Returns the envelope in `data`, the message that was published on `subject`.

        Raises PoisonError if the message is too large, is no such envelope, or names another tenant.
        """
        if len(data) > LARGEST:
            raise PoisonError("size", f"the event has {len(data)} bytes; {LARGEST} are allowed")
        try:
            envelope = self._decode(data)
        except RecursionError:
            raise PoisonError("decode", "the event is nested too deeply") from None
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise PoisonError("decode", reason_of(data, str(error))) from None
        if self.tenant_token is not None:
            tokens = subject.split(".", self.tenant_token + 1)
            named = tokens[self.tenant_token] if len(tokens) > self.tenant_token else ""
            if named != envelope.tenant_id:
                raise PoisonError(
                    "forged",
                    f"the event's tenant_id is {envelope.tenant_id[:64]!r}, its subject says {named[:64]!r}",
                )
        return envelope


def reason_of(data: bytes, said: str) -> str:
    """Returns why the event in `data` cannot be decoded: `said`, the decoder's message, unless it misleads.

    Decoders say of half a surrogate pair that the text ends there, or that an escape is wrong.
    """
    try:
        json.dumps(json.loads(data), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "a text holds half of a surrogate pair, which is no character (\\ud800 to \\udfff)"
    except (ValueError, RecursionError):
        pass
    return said


def trace_id(envelope: Envelope) -> str | None:
    """Returns the trace id in the event's W3C traceparent; None if there is none."""
    parts = (envelope.traceparent or "").split("-")
    return parts[1] if len(parts) >= 4 and len(parts[1]) == 32 else None
