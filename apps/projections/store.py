"""The store of one generation: its views, its checkpoint and its quarantine, in one LMDB environment.

There are two ways to write, `commit` and `clear`. Each changes views and checkpoint in one transaction, so
that neither changes without the other. Other processes may read meanwhile.
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
"""The largest size of a store in bytes. It is address space: the file grows as it is filled."""
_QUARANTINE = b"quarantine:"


@dataclass(frozen=True)
class Batch:
    """The content of one commit: the views by key (None deletes one), the checkpoint that they lead to, the
    events that go to the quarantine, and the sequences of those that leave it."""

    checkpoint: Checkpoint
    views: Mapping[bytes, bytes | None] = field(default_factory=dict)
    quarantined: Sequence[Quarantined] = ()
    released: Sequence[int] = ()


class Store:
    """The store in the folder `path`, which must exist. `map_size` is its largest size in bytes.

    Every method raises StoreError if the disk or LMDB fails, and writes nothing then. It raises
    StoreGoneError if the folder is not there: its generation was retired.
    """

    def __init__(
        self, path: Path, checkpoint_key: CheckpointKey, *, map_size: int = MAP_SIZE, read_only: bool = False
    ) -> None:
        self._path = path
        self._checkpoint_key = checkpoint_key.encode()
        with self._failures("open"):
            if not path.exists():
                raise StoreGoneError(f"there is no store at {path}: its generation was retired")
            self._environment = ENVIRONMENTS.open(path, map_size, read_only)

    def close(self) -> None:
        """Closes the store. It must not be used again."""
        ENVIRONMENTS.close(self._path)

    def checkpoint(self) -> Checkpoint | None:
        """Returns the checkpoint; None before the first commit."""
        with self._failures("read"), self._environment.begin() as transaction:
            return _checkpoint(transaction.get(self._checkpoint_key))

    def views(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Returns the bytes of the views of `keys`, in their order; None for one that does not exist."""
        with self._failures("read"), self._environment.begin() as transaction:
            return [transaction.get(key) for key in keys]

    def scan(self, prefix: bytes, after: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Yields keys and views whose keys begin with `prefix` and come after `after`, sorted by key.

        All are as of one moment. Close the iterator, which holds a transaction.
        """
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
        """Writes all of `batch`, and waits until the disk has it.

        Raises ConflictError, and writes nothing, unless the checkpoint still is `base`: `batch` was computed
        from views that have changed.
        """
        with self._failures("write"), self._environment.begin(write=True) as transaction:
            stored = _checkpoint(transaction.get(self._checkpoint_key))
            if stored != base:
                raise ConflictError(
                    f"{self._path}: another process has committed since the checkpoint was read"
                )
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
        """Deletes all views, the quarantine and the checkpoint.

        The views of one tenant cannot be deleted alone: the checkpoint is that of all tenants, and to consume
        anew would apply the events of the others twice.
        """
        with self._failures("write"), self._environment.begin(write=True) as transaction:
            for prefix in (VIEWS, _QUARANTINE):
                cursor = transaction.cursor()
                found = cursor.set_range(prefix)
                while found and cursor.key().startswith(prefix):
                    found = cursor.delete()
            transaction.delete(self._checkpoint_key)

    def quarantine(self) -> Iterator[Quarantined]:
        """Yields the events in quarantine, by sequence."""
        for _, value in self.scan(_QUARANTINE):
            yield decode_quarantined(value)

    def writable(self) -> bool:
        """Returns whether the store can be written to."""
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
            raise StoreError(f"the store {self._path} is full: give it a larger volume ({error})") from error
        except (lmdb.Error, OSError) as error:
            kind = StoreError if self._path.exists() else StoreGoneError
            raise kind(f"cannot {doing} the store {self._path}: {error}") from error


def _checkpoint(value: bytes | None) -> Checkpoint | None:
    return None if value is None else decode_checkpoint(value)


def _quarantine_key(sequence: int) -> bytes:
    return _QUARANTINE + b"%020d" % sequence
