"""Estimates the cost of a stack: what has a monthly price, what is billed by use, and what has no known
price."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from infra.cloud import costs
from providers.costs import Charge, CloudCosts, NotKnownError, Price, Resource

_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Line:
    """A charge with a price: `monthly` is in US dollars. `elsewhere` is set when the price is another
    region's; `cannot_stop` says why the cloud bills it while the stack is parked."""

    resource: Resource
    what: str
    monthly: Decimal
    price: Price
    note: str = ""
    elsewhere: bool = False
    cannot_stop: str = ""


@dataclass(frozen=True)
class ByUse:
    """A charge that is billed by use, which cannot be known beforehand. `price` is the price of one unit."""

    resource: Resource
    what: str
    price: Price


@dataclass(frozen=True)
class Unpriced:
    """A charge that is not counted, and `why`: it has no price in the table, or its amount is not known."""

    resource: Resource
    what: str
    why: str


@dataclass(frozen=True)
class Estimate:
    """The monthly cost of a stack, in US dollars at list price. Only `lines` count in `total`."""

    lines: tuple[Line, ...]
    by_use: tuple[ByUse, ...]
    unpriced: tuple[Unpriced, ...]

    @property
    def total(self) -> Decimal:
        """The sum of `lines`, in US dollars a month."""
        return sum((line.monthly for line in self.lines), Decimal(0))

    @property
    def by_component(self) -> dict[str, Decimal]:
        """The sum of each component's lines, in US dollars a month, the most expensive component first."""
        sums: dict[str, Decimal] = {}
        for line in self.lines:
            component = line.resource.component
            sums[component] = sums.get(component, Decimal(0)) + line.monthly
        return dict(sorted(sums.items(), key=lambda entry: (-entry[1], entry[0])))

    @property
    def priced_elsewhere(self) -> tuple[str, ...]:
        """The regions whose prices are used because the table has none for the stack's own region, sorted."""
        return tuple(sorted({line.price.region for line in self.lines if line.elsewhere}))

    @property
    def empty(self) -> bool:
        """True when no cloud bills any of the stack's resources, as in a stack on the user's own machines."""
        return not (self.lines or self.by_use or self.unpriced)

    def as_dict(self) -> dict[str, Any]:
        """Returns the estimate as values for JSON. Amounts of money are strings with two decimals."""
        return {
            "currency": "USD",
            "total": money(self.total),
            "by_component": {name: money(amount) for name, amount in self.by_component.items()},
            "lines": [
                {
                    "component": line.resource.component,
                    "resource": line.resource.name,
                    "type": line.resource.type,
                    "what": line.what,
                    "monthly": money(line.monthly),
                    "unit_price": str(line.price.amount),
                    "unit": line.price.unit,
                    "region": line.price.region,
                    "note": line.note,
                    "cannot_stop": line.cannot_stop,
                    "source": line.price.source.url,
                }
                for line in self.lines
            ],
            "by_use": [
                {
                    "component": each.resource.component,
                    "resource": each.resource.name,
                    "type": each.resource.type,
                    "what": each.what,
                    "unit_price": str(each.price.amount),
                    "unit": each.price.unit,
                    "region": each.price.region,
                }
                for each in self.by_use
            ],
            "no_price": [
                {
                    "component": each.resource.component,
                    "resource": each.resource.name,
                    "type": each.resource.type,
                    "what": each.what,
                    "why": each.why,
                }
                for each in self.unpriced
            ],
            "priced_elsewhere": list(self.priced_elsewhere),
        }


def estimate(resources: Sequence[Resource]) -> Estimate:
    """Estimates what `resources` cost each month. They must be all resources of one stack, as the price of
    one may depend on another."""
    lines: list[Line] = []
    by_use: list[ByUse] = []
    unpriced: list[Unpriced] = []
    packages = {resource.type.removeprefix("pulumi:providers:").partition(":")[0] for resource in resources}
    for cloud in costs():
        if cloud.package not in packages:
            continue
        region = _region(cloud, resources)
        for resource in resources:
            try:
                charges = cloud.charges(resource, resources)
            except NotKnownError as problem:
                unpriced.append(Unpriced(resource, resource.type, str(problem)))
                continue
            if charges is None:
                unpriced.append(
                    Unpriced(resource, resource.type, "the price table does not know this type of resource")
                )
            for charge in charges or ():
                _count(cloud, resource, charge, region, lines, by_use, unpriced)
    return Estimate(tuple(lines), tuple(by_use), tuple(unpriced))


def _region(cloud: CloudCosts, resources: Sequence[Resource]) -> str:
    try:
        return cloud.region(resources)
    except NotKnownError:
        return ""


def _count(
    cloud: CloudCosts,
    resource: Resource,
    charge: Charge,
    region: str,
    lines: list[Line],
    by_use: list[ByUse],
    unpriced: list[Unpriced],
) -> None:
    if charge.quantity == 0:
        return
    price = cloud.table.find(charge.item, region)
    if price is None:
        unpriced.append(Unpriced(resource, charge.what, f"the price table has no price of {charge.item}"))
    elif charge.quantity is None:
        by_use.append(ByUse(resource, charge.what, price))
    else:
        monthly = price.monthly(charge.quantity)
        hint = cloud.cannot_stop.get(resource.type, "")
        elsewhere = price.region != region
        lines.append(Line(resource, charge.what, monthly, price, charge.note, elsewhere, hint))


def money(amount: Decimal) -> str:
    """Returns `amount` as a string with two decimals."""
    return str(amount.quantize(_CENT))
