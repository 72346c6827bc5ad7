"""What the store keeps beside views: the checkpoint and quarantined events."""

import hashlib

import msgspec


class StreamIdentity(msgspec.Struct, frozen=True):
    """Which stream this is: recreated under its old name, it has another `created`."""

    name: str
    created: str


class Checkpoint(msgspec.Struct, frozen=True):
    """How far the views are. `sequence` is of the last event that they hold (0: none), `digest` its hash,
    `revision` counts commits and `events` what was folded; `seen` is a sequence up to which the stream is
    known to hold nothing further for this shard."""

    stream: StreamIdentity
    sequence: int = 0
    digest: str = ""
    seen: int = 0
    revision: int = 0
    events: int = 0
    quarantined: int = 0

    @property
    def next(self) -> int:
        """The sequence to consume from."""
        return max(self.sequence, self.seen) + 1


class Quarantined(msgspec.Struct, frozen=True):
    """An event that could not be applied, and why."""

    sequence: int
    subject: str
    kind: str
    reason: str
    data: bytes


def digest(subject: str, data: bytes) -> str:
    """The hash of an event that stands beside the checkpoint. Of a subject only what every server reports
    alike."""
    encoded = subject.encode("ascii", "ignore")
    return hashlib.blake2b(len(encoded).to_bytes(4, "big") + encoded + data, digest_size=16).hexdigest()


_checkpoint = msgspec.json.Decoder(Checkpoint)
_quarantined = msgspec.json.Decoder(Quarantined)
encode = msgspec.json.Encoder().encode
decode_checkpoint = _checkpoint.decode
decode_quarantined = _quarantined.decode
