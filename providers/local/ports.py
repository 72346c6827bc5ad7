"""The one table of ports of the local provider.

Numbers keep the digits of each server's usual port behind a leading 2 where that is free: the
usual ports themselves collide with one another (8080 is Keycloak's, Spark's and Trino's) and with
what a developer runs already. All lie below the ephemeral range (32768).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

PORTS: Mapping[str, int] = {
    "postgres.sql": 25432,
    "object_store.s3": 29000,
    "object_store.console": 29001,
    "kafka.client": 29092,
    "kafka.controller": 29093,
    "redis.redis": 26379,
    "iceberg_catalog.http": 29120,
    "iceberg_catalog.management": 29121,
    "trino.http": 28080,
    "spark-master.rpc": 27077,
    "spark-master.ui": 28082,
    "spark-worker.rpc": 27078,
    "spark-worker.ui": 28083,
    "keycloak.http": 28180,
    "keycloak.management": 28181,
    "nats.client": 24222,
    "nats.monitor": 28222,
}


@dataclass(frozen=True)
class Several:
    """A component with any number of workloads, `<component>-<name>`: the standard number of each one's port
    says which of `count` numbers from `first` on it has."""

    standard: int
    first: int
    count: int

    @property
    def numbers(self) -> range:
        return range(self.first, self.first + self.count)


SEVERAL: Mapping[str, Several] = {"projections.http": Several(standard=8700, first=20000, count=500)}
"""Below all others at every offset, and apart from those of another stack 500 further on."""

EPHEMERAL = 32768
LARGEST_OFFSET = EPHEMERAL - 1 - max(PORTS.values())
WORKLOADS: Mapping[str, frozenset[str]] = {
    component: frozenset(
        key.partition(".")[0] for key in PORTS if key.partition(".")[0].split("-")[0] == component
    )
    for component in {key.partition(".")[0].split("-")[0] for key in PORTS}
}


class UnknownPortError(KeyError):
    """A workload names a port that the table above has no row for."""


def port(workload: str, name: str, offset: int, standard: int = 0) -> int:
    """`standard` is the port's number elsewhere: it tells workloads of one component apart."""
    key = f"{workload}.{name}"
    several = SEVERAL.get(f"{workload.partition('-')[0]}.{name}")
    if several is not None and 0 <= standard - several.standard < several.count:
        return several.first + standard - several.standard + offset
    try:
        return PORTS[key] + offset
    except KeyError:
        raise UnknownPortError(f"{key} has no row in providers/local/ports.py: add one") from None


def ports_of(
    components: Iterable[str], offset: int, several: Mapping[str, Collection[int]] = MappingProxyType({})
) -> dict[str, int]:
    """`<workload>.<port>` to number, for every workload of the components that are on; of some there are
    `several`, each with its place among their numbers."""
    on = frozenset(components)
    workloads = frozenset().union(*(WORKLOADS.get(component, frozenset()) for component in on))
    found = {key: number + offset for key, number in PORTS.items() if key.partition(".")[0] in workloads}
    for key, row in SEVERAL.items():
        component, _, name = key.partition(".")
        for place in several.get(component, ()) if component in on else ():
            found[f"{component}-{place}.{name}"] = row.numbers[place] + offset
    return found
