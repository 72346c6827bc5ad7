"""The store of one shard: its views, its checkpoint and its quarantine, in one LMDB environment.

There are two ways to write, `commit` and `clear`, and each moves views and checkpoint in one transaction:
neither can be changed without the other. Other processes may read meanwhile.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import lmdb

from apps.projections.errors import ConflictError, StoreError, StoreGoneError
from apps.projections.keys import VIEWS, CheckpointKey
from apps.projections.lmdb_environments import ENVIRONMENTS
from apps.projections.records import (
    Checkpoint,
    Quarantined,
    decode_checkpoint,
    decode_quarantined,
    encode,
)

MAP_SIZE = 16 << 30
"""Bytes of address space; the file grows as it is filled."""
_QUARANTINE = b"quarantine:"


@dataclass(frozen=True)
class Batch:
    """What one commit writes: views (None deletes), the checkpoint that they lead to, what was quarantined
    and what of it was released."""

    checkpoint: Checkpoint
    views: Mapping[bytes, bytes | None] = field(default_factory=dict)
    quarantined: Sequence[Quarantined] = ()
    released: Sequence[int] = ()


class Store:
    """Raises StoreError whenever the disk or the environment fails; nothing is then half written. Whoever
    owns a store makes its directory: without one, StoreGoneError is raised."""

    def __init__(
        self, path: Path, checkpoint_key: CheckpointKey, *, map_size: int = MAP_SIZE, read_only: bool = False
    ) -> None:
        self._path = path
        self._checkpoint_key = checkpoint_key.encode()
        with self._failures("open"):
            if not path.exists():
                raise StoreGoneError(f"there is no store at {path}: it was retired")
            self._environment = ENVIRONMENTS.open(path, map_size, read_only)

    def close(self) -> None:
        ENVIRONMENTS.close(self._path)

    def checkpoint(self) -> Checkpoint | None:
        """None before the first commit."""
        with self._failures("read"), self._environment.begin() as transaction:
            return _checkpoint(transaction.get(self._checkpoint_key))

    def views(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The views of `keys`, in their order."""
        with self._failures("read"), self._environment.begin() as transaction:
            return [transaction.get(key) for key in keys]

    def scan(self, prefix: bytes, after: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Keys and views below `prefix`, in the order of their keys, from behind `after` on; all as of one
        moment. Close the iterator to end its transaction."""
        with self._failures("read"), self._environment.begin() as transaction:
            cursor = transaction.cursor()
            found = cursor.set_range(max(prefix, after))
            while found:
                key, value = cursor.item()
                if not key.startswith(prefix):
                    return
                if key > after:
                    yield key, value
                found = cursor.next()

    def commit(self, base: Checkpoint | None, batch: Batch) -> None:
        """Write all of `batch`, durably, if the checkpoint still is `base`. Raises ConflictError otherwise:
        what `batch` was computed from is then no longer so."""
        with self._failures("write"), self._environment.begin(write=True) as transaction:
            stored = _checkpoint(transaction.get(self._checkpoint_key))
            if stored != base:
                raise ConflictError(f"{self._path}: the checkpoint is no longer the one that was read")
            for key, view in batch.views.items():
                if view is None:
                    transaction.delete(key)
                else:
                    transaction.put(key, view)
            for event in batch.quarantined:
                transaction.put(_quarantine_key(event.sequence), encode(event))
            for sequence in batch.released:
                transaction.delete(_quarantine_key(sequence))
            transaction.put(self._checkpoint_key, encode(batch.checkpoint))

    def clear(self) -> None:
        """Delete the views, what is quarantined, and the checkpoint. Not the views of one tenant alone: the
        checkpoint is of all of them, and consuming anew would apply the others' events twice."""
        with self._failures("write"), self._environment.begin(write=True) as transaction:
            for prefix in (VIEWS, _QUARANTINE):
                cursor = transaction.cursor()
                found = cursor.set_range(prefix)
                while found and cursor.key().startswith(prefix):
                    found = cursor.delete()
            transaction.delete(self._checkpoint_key)

    def quarantine(self) -> Iterator[Quarantined]:
        """What is quarantined, by sequence."""
        for _, value in self.scan(_QUARANTINE):
            yield decode_quarantined(value)

    def writable(self) -> bool:
        """Whether a write transaction can begin."""
        try:
            self._environment.begin(write=True).abort()
        except lmdb.Error:
            return False
        return True

    @contextmanager
    def _failures(self, doing: str) -> Iterator[None]:
        try:
            yield
        except lmdb.MapFullError as error:
            raise StoreError(f"{self._path} is full: give it a larger volume ({error})") from error
        except (lmdb.Error, OSError) as error:
            kind = StoreError if self._path.exists() else StoreGoneError
            raise kind(f"cannot {doing} {self._path}: {error}") from error


def _checkpoint(value: bytes | None) -> Checkpoint | None:
    return None if value is None else decode_checkpoint(value)


def _quarantine_key(sequence: int) -> bytes:
    return _QUARANTINE + b"%020d" % sequence
