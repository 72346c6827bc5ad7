"""Numbers the ports of the local provider, as the components declare them.

Every port is below the ephemeral range (32768), from which the kernel gives clients their ports.
"""

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from components.declaration import Declaration, PortRange

EPHEMERAL = 32768
"""The first port that Linux takes for outgoing connections."""


class UnknownPortError(KeyError):
    """A workload has a port that its component's declaration gives no number on one machine."""


class PortTable:
    """Knows the number of each port, and the range of each component with any number of workloads.

    `ports` has the numbers at offset 0 by `<workload>.<port>`, `ranges` the ranges by `<component>.<port>`.
    """

    def __init__(self, declarations: Iterable[Declaration]) -> None:
        ports: dict[str, int] = {}
        ranges: dict[str, PortRange] = {}
        self._keys: dict[str, list[str]] = {}
        for each in declarations:
            for name, workload in each.workloads.items():
                ports |= {f"{name}.{port}": number for port, number in workload.ports.items()}
                ranges |= {f"{each.name}.{port}": row for port, row in workload.port_ranges.items()}
                self._keys.setdefault(each.name, []).extend(f"{name}.{port}" for port in workload.ports)
        self.ports: Mapping[str, int] = ports
        self.ranges: Mapping[str, PortRange] = ranges

    @property
    def largest_offset(self) -> int:
        """The largest offset that leaves every port below the ephemeral range."""
        return EPHEMERAL - 1 - max(self.ports.values())

    def port(self, workload: str, name: str, offset: int, standard: int = 0) -> int:
        """The number of port `name` of `workload`. `standard` is its number elsewhere, which tells the
        workloads of a range apart. Raises UnknownPortError for a port that is not declared."""
        key = f"{workload}.{name}"
        row = self.ranges.get(f"{workload.partition('-')[0]}.{name}")
        if row is not None and 0 <= standard - row.standard < row.count:
            return row.first + standard - row.standard + offset
        try:
            return self.ports[key] + offset
        except KeyError:
            raise UnknownPortError(
                f"{key} has no port on one machine: give it one in its component's declaration"
            ) from None

    def of_components(
        self,
        components: Iterable[str],
        offset: int,
        indexes: Mapping[str, Collection[int]] = MappingProxyType({}),
    ) -> dict[str, int]:
        """The ports of every workload of `components`, by `<workload>.<port>`. `indexes` has, by component,
        the positions in its range that its workloads use."""
        on = frozenset(components)
        keys = {key for component in on for key in self._keys.get(component, ())}
        found = {key: number + offset for key, number in self.ports.items() if key in keys}
        for key, row in self.ranges.items():
            component, _, name = key.partition(".")
            for index in indexes.get(component, ()) if component in on else ():
                found[f"{component}-{index}.{name}"] = row.numbers[index] + offset
        return found
