from collections.abc import Iterator
from pathlib import Path

import lmdb
import pytest

from apps.projections.errors import ConflictError, StoreError, StoreGoneError
from apps.projections.keys import CheckpointKey, ViewKey
from apps.projections.records import Checkpoint, Quarantined, StreamIdentity
from apps.projections.store import Batch, Store

STREAM = StreamIdentity("S", "2026-01-01T00:00:00Z")
KEY = CheckpointKey("all", "orders")


def view(tenant: str, view_id: str) -> bytes:
    return ViewKey(tenant, "orders", view_id).encode()


def at(sequence: int, revision: int = 1) -> Checkpoint:
    return Checkpoint(STREAM, sequence, "digest", revision=revision)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    (tmp_path / "store").mkdir()
    opened = Store(tmp_path / "store", KEY, map_size=1 << 20)
    yield opened
    opened.close()


def test_views_and_checkpoint_are_read_as_committed(store: Store) -> None:
    store.commit(None, Batch(at(7), {view("a", "1"): b'{"n":1}'}))
    assert store.checkpoint() == at(7)
    assert store.views([view("a", "2"), view("a", "1")]) == [None, b'{"n":1}']


def test_a_commit_on_another_checkpoint_writes_nothing(store: Store) -> None:
    store.commit(None, Batch(at(7), {view("a", "1"): b"{}"}))
    for base in (None, at(6), at(7, revision=2)):
        with pytest.raises(ConflictError):
            store.commit(base, Batch(at(9), {view("a", "2"): b"{}"}))
    assert store.checkpoint() == at(7)
    assert store.views([view("a", "2")]) == [None]


def test_a_commit_that_does_not_fit_writes_nothing(store: Store) -> None:
    store.commit(None, Batch(at(1), {view("a", "1"): b"{}"}))
    large: dict[bytes, bytes | None] = {view("a", str(n)): b"x" * 100_000 for n in range(30)}
    with pytest.raises(StoreError, match="is full"):
        store.commit(at(1), Batch(at(2), {view("a", "1"): None, **large}))
    assert store.checkpoint() == at(1)
    assert [key for key, _ in store.scan(b"view:")] == [view("a", "1")]


def test_a_commit_that_is_interrupted_writes_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last thing written fails: what was written before it in the transaction is gone too."""
    store.commit(None, Batch(at(1)))

    def fail(_record: object) -> bytes:
        raise lmdb.Error("the disk has gone")

    with monkeypatch.context() as patched:
        patched.setattr("apps.projections.store.encode", fail)
        with pytest.raises(StoreError, match="the disk has gone"):
            store.commit(at(1), Batch(at(2), {view("a", "1"): b"{}"}))
    assert store.checkpoint() == at(1)
    assert list(store.scan(b"view:")) == []


def test_clearing_leaves_neither_views_nor_checkpoint_nor_quarantine(store: Store) -> None:
    event = Quarantined(3, "s", "decode", "why", b"\xff")
    store.commit(None, Batch(at(3), {view(t, str(n)): b"{}" for t in "ab" for n in range(300)}, [event]))
    store.clear()
    assert (store.checkpoint(), list(store.scan(b"")), list(store.quarantine())) == (None, [], [])


def test_a_scan_stays_below_its_prefix_and_goes_on_behind_a_key(store: Store) -> None:
    keys = [view("a", "1"), view("a", "2"), view("a", "3"), view("b", "1")]
    store.commit(None, Batch(at(1), dict.fromkeys(keys, b"{}")))
    prefix = b"view:a:orders:"
    assert [key for key, _ in store.scan(prefix)] == keys[:3]
    assert [key for key, _ in store.scan(prefix, after=keys[0])] == keys[1:3]


def test_quarantined_events_are_kept_byte_for_byte_until_released(store: Store) -> None:
    events = [Quarantined(n, "s.é", "program", "why", bytes(range(256))) for n in (2, 10)]
    store.commit(None, Batch(at(10), quarantined=events))
    assert list(store.quarantine()) == events
    store.commit(at(10), Batch(at(10, revision=2), released=[2]))
    assert list(store.quarantine()) == events[1:]


def test_a_store_may_be_opened_again_by_the_same_process(store: Store, tmp_path: Path) -> None:
    store.commit(None, Batch(at(1), {view("a", "1"): b"{}"}))
    other = Store(tmp_path / "store", KEY, read_only=True)
    assert other.checkpoint() == at(1)
    other.close()
    store.commit(at(1), Batch(at(2)))
    assert store.checkpoint() == at(2)


def test_a_store_that_cannot_be_opened_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot open .*/file"):
        Store(tmp_path / "file", KEY)


def test_opening_makes_no_directory(tmp_path: Path) -> None:
    for read_only in (False, True):
        with pytest.raises(StoreGoneError):
            Store(tmp_path / "retired", KEY, read_only=read_only)
    assert not (tmp_path / "retired").exists()
