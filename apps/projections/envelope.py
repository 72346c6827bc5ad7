"""The envelope of an event: its known fields are typed, its payload and unknown fields are kept as sent."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

LARGEST = 1 << 20
"""Bytes of an event."""


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """`payload` stays encoded: the program reads the whole event, unknown fields included, from the bytes
    that were sent."""

    tenant_id: str
    aggregate_id: str
    aggregate_type: str
    event_type: str
    payload: msgspec.Raw
    timestamp: datetime
    correlation_id: str | None = None
    traceparent: str | None = None


class PoisonError(Exception):
    """An event cannot be applied; the message is the reason, `kind` its class."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class EventDecoder:
    """Which events a shard lets in: the tenant is the token at `tenant_token` of the subject, counted from
    0, and must be that of the envelope; None where the envelope's own is believed. `envelope` is what events
    are decoded as."""

    tenant_token: int | None
    envelope: type[Envelope] = Envelope
    _decode: Callable[[bytes], Envelope] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_decode", msgspec.json.Decoder(self.envelope).decode)

    def decode(self, subject: str, data: bytes) -> Envelope:
        """The envelope in `data`. Raises PoisonError."""
        if len(data) > LARGEST:
            raise PoisonError("size", f"{len(data)} bytes: {LARGEST} are allowed")
        try:
            envelope = self._decode(data)
        except RecursionError:
            raise PoisonError("decode", "nested too deeply") from None
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise PoisonError("decode", reason_of(data, str(error))) from None
        if self.tenant_token is not None:
            tokens = subject.split(".", self.tenant_token + 1)
            named = tokens[self.tenant_token] if len(tokens) > self.tenant_token else ""
            if named != envelope.tenant_id:
                raise PoisonError(
                    "forged", f"the tenant is {envelope.tenant_id[:64]!r}, the subject says {named[:64]!r}"
                )
        return envelope


def reason_of(data: bytes, said: str) -> str:
    """Why an event cannot be decoded, of which a decoder `said` something: those say of half a surrogate pair
    that the text ends there, or that an escape does."""
    try:
        json.dumps(json.loads(data), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "a text holds half of a surrogate pair, which is no character (\\ud800 to \\udfff)"
    except (ValueError, RecursionError):
        pass
    return said


def trace_id(envelope: Envelope) -> str | None:
    """The trace id of a W3C traceparent, None when there is none."""
    parts = (envelope.traceparent or "").split("-")
    return parts[1] if len(parts) >= 4 and len(parts[1]) == 32 else None
