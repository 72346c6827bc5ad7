"""The keys of the store: `view:{tenant}:{type}:{id}` and `checkpoint:{tenant}:{type}`.

Composed and parsed here alone. A colon or a percent sign inside a name is escaped, so that no name
reaches into the next field: keys of different names differ, and a prefix ends at a field's end.
"""

from dataclasses import dataclass

from apps.projections.errors import KeyFormatError

LONGEST = 511
"""Bytes of a key: LMDB's limit."""
VIEWS = b"view:"
"""What the keys of all views begin with."""


@dataclass(frozen=True, order=True)
class ViewKey:
    """One view. The tenant is empty where there is but one."""

    tenant: str
    view_type: str
    view_id: str

    def encode(self) -> bytes:
        """Raises KeyFormatError for an empty id, one that is no text, or too long a key."""
        if not self.view_id:
            raise KeyFormatError("a view needs an id that is not empty")
        return _encoded("view", self.tenant, self.view_type, self.view_id)

    @classmethod
    def decode(cls, key: bytes) -> "ViewKey":
        return cls(*_decoded(key, "view", 3))


@dataclass(frozen=True, order=True)
class CheckpointKey:
    """How far a view type has come, for one tenant or, named by its shard, for several."""

    tenant: str
    view_type: str

    def encode(self) -> bytes:
        return _encoded("checkpoint", self.tenant, self.view_type)

    @classmethod
    def decode(cls, key: bytes) -> "CheckpointKey":
        return cls(*_decoded(key, "checkpoint", 2))


def tenant_prefix(tenant: str, view_type: str) -> bytes:
    """What the keys of a tenant's views of a type begin with, and no others."""
    return _encoded("view", tenant, view_type, "")


def _encoded(*fields: str) -> bytes:
    for field in fields:
        if "\x00" in field:
            raise KeyFormatError(f"a name holds a NUL: {field[:40]!r}")
    try:
        key = ":".join([_escaped(field) for field in fields]).encode()
    except UnicodeEncodeError:
        raise KeyFormatError("a name is not valid text: it holds a lone surrogate") from None
    if len(key) > LONGEST:
        raise KeyFormatError(f"a key of {len(key)} bytes is too long: {LONGEST} are allowed")
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
