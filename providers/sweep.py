"""What a destroyed stack left behind: the interface behind which each cloud finds and deletes it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from providers.costs import Price


class SweepError(Exception):
    """The cloud did not answer, or refused."""


@dataclass(frozen=True)
class Orphan:
    """Something that carries the stack's tags and is not in its state. `kind` is its name for people
    (`volume`), `id` the cloud's, `arn` the cloud's whole name where it has one, `owner` what its owner tag
    says. It costs `price` times `quantity`; without a price, or with a quantity that nobody knows (None), its
    cost is not known."""

    kind: str
    id: str
    arn: str = ""
    price: Price | None = None
    quantity: Decimal | None = None
    owner: str = ""

    @property
    def monthly(self) -> Decimal | None:
        """US dollars a month, None when that is not known."""
        if self.quantity == 0:
            return Decimal(0)
        if self.price is None or self.quantity is None:
            return None
        return self.price.monthly(self.quantity)


class Sweeper(Protocol):
    """One stack of one cloud. `known` are the ids and whole names in its state, which are left alone."""

    def find(self, known: Collection[str]) -> Sequence[Orphan]:
        """What carries the stack's tags and is not known, in the order in which it can be deleted.
        Raises SweepError."""
        ...

    def stands_elsewhere(self, known: Collection[str]) -> str | None:
        """What shows that the stack is up, although its state here does not have it: its state is kept
        elsewhere, and nothing of it may be deleted. Raises SweepError."""
        ...

    def delete(self, orphan: Orphan) -> None:
        """Delete it. Raises SweepError with what the cloud said."""
        ...
