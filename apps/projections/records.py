"""The records that the store keeps beside the views: the checkpoint, and the events in quarantine."""

import hashlib

import msgspec


class StreamIdentity(msgspec.Struct, frozen=True):
    """Identifies a stream. One that is made anew under its old name has another `created`, the time of its
    making."""

    name: str
    created: str


class Checkpoint(msgspec.Struct, frozen=True):
    """The progress of the views of a generation.

    `sequence` is that of the last event that they hold (0: none), and `digest` the hash of that event. `seen`
    is a sequence up to which the stream is known to hold no other event for this shard. `revision` counts
    commits, `events` the events that were applied or quarantined, and `quarantined` those of them that were
    quarantined.
    """

    stream: StreamIdentity
    sequence: int = 0
    digest: str = ""
    seen: int = 0
    revision: int = 0
    events: int = 0
    quarantined: int = 0

    @property
    def next(self) -> int:
        """The stream sequence to go on from."""
        return max(self.sequence, self.seen) + 1


class Quarantined(msgspec.Struct, frozen=True):
    """An event that could not be applied. `reason` says why, and `kind` is the class of that."""

    sequence: int
    subject: str
    kind: str
    reason: str
    data: bytes


def digest(subject: str, data: bytes) -> str:
    """Returns the hash of an event, as it stands in the checkpoint.

    Characters of the subject that are not ASCII do not count: servers report them differently.
    """
    encoded = subject.encode("ascii", "ignore")
    return hashlib.blake2b(len(encoded).to_bytes(4, "big") + encoded + data, digest_size=16).hexdigest()


_checkpoint = msgspec.json.Decoder(Checkpoint)
_quarantined = msgspec.json.Decoder(Quarantined)
encode = msgspec.json.Encoder().encode
decode_checkpoint = _checkpoint.decode
decode_quarantined = _quarantined.decode
