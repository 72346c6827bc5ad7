from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.projections.delivery_order import DeliveryOrder
from apps.projections.errors import GapError

START = 5


class Position(NamedTuple):
    delivered: int
    stream: int
    consumer: int

    @property
    def reply(self) -> bytes:
        return b"$JS.ACK.S.c.%d.%d.%d.1700000000000000000.3" % self


def admitted(deliveries: Sequence[Position]) -> list[int]:
    """The stream sequences that pass before one is refused."""
    order = DeliveryOrder(START)
    passed = []
    for delivery in deliveries:
        try:
            passed.append(order.accept(delivery.reply))
        except GapError:
            break
    return passed


def stream(sequences: Sequence[int]) -> list[Position]:
    return [Position(1, sequence, number) for number, sequence in enumerate(sequences, 1)]


SEQUENCES = st.lists(st.integers(START, 60), unique=True, max_size=20).map(sorted)


@given(SEQUENCES)
def test_what_comes_in_order_passes_whole_even_with_holes_in_the_stream(sequences: list[int]) -> None:
    assert admitted(stream(sequences)) == sequences


@given(SEQUENCES, st.data())
def test_whatever_is_done_to_deliveries_only_a_prefix_passes(
    sequences: list[int], data: st.DataObject
) -> None:
    """Lost, repeated, swapped, mixed with others: never one more, one less, or twice."""
    deliveries = stream(sequences)
    again = [each._replace(delivered=2) for each in deliveries]
    mixed = data.draw(st.lists(st.sampled_from([*deliveries, *again]), max_size=40)) if deliveries else []
    passed = admitted(mixed)
    assert passed == sequences[: len(passed)]


@pytest.mark.parametrize(
    "deliveries",
    [[Position(1, 9, 2)], [Position(2, 5, 1)], [Position(1, START - 1, 1)]],
    ids=["a later one first, as after a crash", "a redelivery", "from before the checkpoint"],
)
def test_a_delivery_out_of_order_is_refused(deliveries: list[Position]) -> None:
    assert admitted(deliveries) == []


def test_the_position_is_read_with_and_without_a_domain() -> None:
    assert DeliveryOrder(1).accept(b"$JS.ACK.S.c.1.42.1.1700000000000000000.3") == 42
    assert DeliveryOrder(1).accept(b"$JS.ACK._.hash.S.c.1.42.1.1700000000000000000.3.token") == 42


@pytest.mark.parametrize("reply", [b"", b"_INBOX.x", b"$JS.ACK.S.c.1.one.1.0.0"])
def test_a_delivery_without_position_is_refused(reply: bytes) -> None:
    with pytest.raises(GapError):
        DeliveryOrder(1).accept(reply)
