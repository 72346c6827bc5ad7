"""Defines how a cloud finds and deletes what a destroyed stack left behind."""

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
        """The cost in US dollars a month; None if it is not known."""
        if self.quantity == 0:
            return Decimal(0)
        if self.price is None or self.quantity is None:
            return None
        return self.price.monthly(self.quantity)


class Sweeper(Protocol):
    """Finds and deletes what one stack left in one cloud. Ids and names in `known`, those of its state,
    are left alone."""

    def find(self, known: Collection[str]) -> Sequence[Orphan]:
        """Returns the resources with the stack's tags that are not known, in the order in which they can
        be deleted. Raises SweepError."""
        ...

    def stands_elsewhere(self, known: Collection[str]) -> str | None:
        """Returns the sign that the stack is up although the state here does not have it. Its state is
        kept elsewhere, and nothing of it may be deleted. Raises SweepError."""
        ...

    def delete(self, orphan: Orphan) -> None:
        """Deletes the orphan. Raises SweepError with the cloud's answer."""
        ...
