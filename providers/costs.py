"""What a cloud bills: priced resources, and the price table that each cloud's folder holds as data.

Nothing here knows a cloud or talks to one. A cloud's `costs.py` says for each of its resource types what
is billed; its `prices.yaml` says for how much, since when and by which source.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

HOURS = 730
"""Hours of a month: 365 days of 24 hours over twelve."""

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine shows for a value that a preview does not know (part of its protocol)."""

_PER_MONTH: Mapping[str, int] = {"hour": HOURS, "month": 1, "GiB-month": 1}


class NotKnownError(Exception):
    """A property that decides a price is absent, or a preview does not know it yet."""


@dataclass(frozen=True)
class Resource:
    """A resource as the engine describes it. `component` is its outermost ancestor below the stack."""

    urn: str
    type: str
    name: str
    component: str
    properties: Mapping[str, Any]

    @property
    def package(self) -> str:
        return self.type.partition(":")[0]

    def get(self, path: str, default: Any = None) -> Any:
        """Returns the property at `path` (`nodeConfig.machineType`), or `default` if it is not set. A
        list of one block counts as the block. Raises NotKnownError for a value that is not known yet."""
        value: Any = self.properties
        for part in path.split("."):
            if isinstance(value, list):
                value = value[0] if value else None
            value = value.get(part) if isinstance(value, Mapping) else None
        if value == UNKNOWN:
            raise NotKnownError(f"{path} is not known yet")
        return default if value is None else value

    def need(self, path: str) -> Any:
        """Returns the property at `path`, as `get` does. Raises NotKnownError if it is not set."""
        if (value := self.get(path)) is None:
            raise NotKnownError(f"{path} is not set")
        return value


@dataclass(frozen=True)
class Charge:
    """One thing that a resource is billed for: `quantity` of the price table's `item`. None as the
    quantity means a charge by use, which a preview cannot know."""

    what: str
    item: str
    quantity: Decimal | None
    note: str = ""


class Source(BaseModel):
    """The place where a price was found. `dated` is the date that the source states."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    url: str
    dated: date | None = None
    read: date


@dataclass(frozen=True)
class Price:
    """The price of one `unit`, `amount` in US dollars."""

    item: str
    amount: Decimal
    unit: str
    region: str
    source: Source

    def monthly(self, quantity: Decimal) -> Decimal:
        """Returns the cost of `quantity` in a month, in US dollars. Raises KeyError for a unit of use."""
        return self.amount * quantity * _PER_MONTH[self.unit]


class _Rows(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    region: str
    unit: str
    items: dict[str, Decimal]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: dict[str, Source]
    prices: list[_Rows]


@dataclass(frozen=True)
class PriceTable:
    """The prices of one cloud."""

    path: Path

    @cached_property
    def prices(self) -> tuple[Price, ...]:
        table = _Table.model_validate(yaml.safe_load(self.path.read_text(encoding="utf-8")))
        return tuple(
            Price(item, amount, rows.unit, rows.region, table.sources[rows.source])
            for rows in table.prices
            for item, amount in rows.items.items()
        )

    def find(self, item: str, region: str) -> Price | None:
        """Returns the price in `region`, or the price of another region if there is none; the price's
        `region` says which."""
        found = [price for price in self.prices if price.item == item]
        return next((price for price in found if price.region == region), found[0] if found else None)


Stack = Sequence[Resource]
Rule = Callable[[Resource, Stack], Sequence[Charge]]


@dataclass(frozen=True)
class CloudCosts:
    """The billing rules of a cloud.

    `rules` has what each type of resource is billed for, including the cluster's objects (a claim is a
    disk). Types that begin with a prefix in `free` cost nothing. `cannot_stop` has, by type, what keeps
    running in a parked stack and the command that stops it.
    """

    package: str
    table: PriceTable
    rules: Mapping[str, Rule]
    free: tuple[str, ...]
    region: Callable[[Stack], str]
    cannot_stop: Mapping[str, str] = field(default_factory=dict)

    def charges(self, resource: Resource, stack: Stack) -> Sequence[Charge] | None:
        """Returns what the resource is billed for, or None if its type has no rule."""
        if (rule := self.rules.get(resource.type)) is not None:
            return rule(resource, stack)
        if resource.package != self.package or resource.type.startswith(self.free):
            return ()
        return None


def number(given: Any) -> Decimal:
    """Returns a number of the engine as it was written: 3, where the engine has 3.0."""
    found = Decimal(str(given))
    return Decimal(int(found)) if found == found.to_integral_value() else found


def gibibytes(quantity: str) -> Decimal:
    """Returns a Kubernetes quantity of storage (`20Gi`, `500Mi`, `1Ti`) in GiB."""
    for suffix, factor in (("Ti", Decimal(1024)), ("Gi", Decimal(1)), ("Mi", 1 / Decimal(1024))):
        if quantity.endswith(suffix):
            return Decimal(quantity.removesuffix(suffix)) * factor
    return Decimal(quantity) / 2**30
