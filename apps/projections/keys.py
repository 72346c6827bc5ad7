"""The keys of the store: `view:{tenant}:{type}:{id}` and `checkpoint:{tenant}:{type}`.

This module alone composes and parses them. A colon or a percent sign inside a name is escaped, so that no
name reaches into the next field: keys of different names differ, and a prefix ends where a field ends.
"""

from dataclasses import dataclass

from apps.projections.errors import KeyFormatError

LONGEST = 511
"""The largest size of a key in bytes, which is LMDB's limit."""
VIEWS = b"view:"
"""The bytes that the keys of all views begin with."""


@dataclass(frozen=True, order=True)
class ViewKey:
    """The key of one view. `tenant` is empty for events whose tenant is."""

    tenant: str
    view_type: str
    view_id: str

    def encode(self) -> bytes:
        """Returns the bytes of the key. Raises KeyFormatError if the id is empty or no text, or the key too
        long."""
        if not self.view_id:
            raise KeyFormatError("a view needs an id that is not empty")
        return _encoded("view", self.tenant, self.view_type, self.view_id)

    @classmethod
    def decode(cls, key: bytes) -> "ViewKey":
        """Returns the names in `key`. Raises KeyFormatError unless it is the key of a view."""
        return cls(*_decoded(key, "view", 3))


@dataclass(frozen=True, order=True)
class CheckpointKey:
    """The key of the checkpoint of a view type. `tenant` is the name of the shard, which holds several
    tenants."""

    tenant: str
    view_type: str

    def encode(self) -> bytes:
        """Returns the bytes of the key. Raises KeyFormatError."""
        return _encoded("checkpoint", self.tenant, self.view_type)

    @classmethod
    def decode(cls, key: bytes) -> "CheckpointKey":
        """Returns the names in `key`. Raises KeyFormatError unless it is the key of a checkpoint."""
        return cls(*_decoded(key, "checkpoint", 2))


def tenant_prefix(tenant: str, view_type: str) -> bytes:
    """Returns the bytes that the keys of a tenant's views of one type begin with, and no other keys."""
    return _encoded("view", tenant, view_type, "")


def _encoded(*fields: str) -> bytes:
    for field in fields:
        if "\x00" in field:
            raise KeyFormatError(f"a name must not hold a NUL character: {field[:40]!r}")
    try:
        key = ":".join([_escaped(field) for field in fields]).encode()
    except UnicodeEncodeError:
        raise KeyFormatError("a name is not valid text: it holds half of a surrogate pair") from None
    if len(key) > LONGEST:
        raise KeyFormatError(f"tenant, view and id make a key of {len(key)} bytes; {LONGEST} are allowed")
    return key


def _escaped(field: str) -> str:
    if ":" in field or "%" in field:
        return field.replace("%", "%25").replace(":", "%3A")
    return field


def _decoded(key: bytes, kind: str, count: int) -> list[str]:
    try:
        first, *fields = key.decode().split(":")
    except UnicodeDecodeError:
        first, fields = "", []
    if first != kind or len(fields) != count:
        raise KeyFormatError(f"{key[:80]!r} is not a {kind} key")
    names = [field.replace("%3A", ":").replace("%25", "%") for field in fields]
    if _encoded(kind, *names) != key:
        raise KeyFormatError(f"{key[:80]!r} is not how a {kind} key is written")
    return names
