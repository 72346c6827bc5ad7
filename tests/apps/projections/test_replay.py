from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from apps.projections.envelope import EventDecoder
from apps.projections.keys import CheckpointKey
from apps.projections.projector import ProjectedBatch, Projector, ReadViews
from apps.projections.records import Checkpoint, StreamIdentity
from apps.projections.replay import Replayed, replay
from apps.projections.sandbox.limits import Limits
from apps.projections.sandbox.process import Sandbox
from apps.projections.store import Batch, Store
from apps.projections.subscription import Event
from tests.apps.projections.ledger import PROGRAM, VIEW, event

MENDED = PROGRAM.replace("if value < 0:", "if value < -5:")
BASE = Checkpoint(StreamIdentity("S", "then"), sequence=9, revision=1)


@pytest.fixture
def projectors() -> Iterator[dict[str, Projector]]:
    sandboxes = {"faulty": Sandbox(PROGRAM, Limits()), "mended": Sandbox(MENDED, Limits())}
    yield {name: Projector(VIEW, EventDecoder(1), sandbox) for name, sandbox in sandboxes.items()}
    for sandbox in sandboxes.values():
        sandbox.close()


@pytest.fixture
def store(tmp_path: Path, projectors: dict[str, Projector]) -> Iterator[Store]:
    """With one view, and the events 2, 3 and 4 in quarantine."""
    (tmp_path / "store").mkdir()
    store = Store(tmp_path / "store", CheckpointKey("all", VIEW), map_size=1 << 22)
    values = [1, -1, -9, -2]
    events = [
        Event(number, "books.a.1", event("a", "x", value), b"") for number, value in enumerate(values, 1)
    ]
    folded = projectors["faulty"].apply(events, lambda keys: [None] * len(keys))
    store.commit(None, Batch(BASE, folded.views, folded.quarantined))
    yield store
    store.close()


def held(store: Store) -> list[int]:
    return [each.sequence for each in store.quarantine()]


def applied(store: Store) -> int:
    (view,) = store.views([b"view:a:ledger:x"])
    assert view is not None
    count: int = msgspec.json.decode(view)["events"]
    return count


def test_what_still_fails_stays_in_quarantine(store: Store, projectors: dict[str, Projector]) -> None:
    assert replay(store, projectors["faulty"]) == Replayed((), (2, 3, 4))
    assert (held(store), applied(store)) == ([2, 3, 4], 1)


def test_what_was_mended_is_applied_once(store: Store, projectors: dict[str, Projector]) -> None:
    assert replay(store, projectors["mended"]) == Replayed((2, 4), (3,))
    assert replay(store, projectors["mended"]) == Replayed((), (3,))
    assert (held(store), applied(store)) == ([3], 3)


def test_chosen_events_alone_are_applied(store: Store, projectors: dict[str, Projector]) -> None:
    assert replay(store, projectors["mended"], {4, 100}) == Replayed((4,), ())
    assert (held(store), applied(store)) == ([2, 3], 2)


def test_the_checkpoint_stays_and_a_worker_with_an_older_one_is_refused(
    store: Store, projectors: dict[str, Projector]
) -> None:
    replay(store, projectors["mended"])
    after = store.checkpoint()
    assert after is not None
    assert after.sequence == BASE.sequence
    assert after != BASE


def test_a_worker_that_commits_meanwhile_is_not_overwritten(
    store: Store, projectors: dict[str, Projector], monkeypatch: pytest.MonkeyPatch
) -> None:
    fold = projectors["mended"].apply
    interfered = False

    def slowly(events: Sequence[Event], read: ReadViews) -> ProjectedBatch:
        nonlocal interfered
        result = fold(events, read)
        if not interfered:
            interfered = True
            live = projectors["mended"].project(
                projectors["mended"].decode([Event(10, "books.a.1", event("a", "x", 7), b"")]), store.views
            )
            store.commit(BASE, Batch(Checkpoint(BASE.stream, 10, revision=2), live.views))
        return result

    monkeypatch.setattr(projectors["mended"], "apply", slowly)
    assert replay(store, projectors["mended"]) == Replayed((2, 4), (3,))
    assert applied(store) == 4
