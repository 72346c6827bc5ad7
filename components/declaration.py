"""Declares what the platform must know of a component besides how it is built.

The declaration of a component stands in its own module. Settings and their schema, ports, sizes, images,
grants, databases and buckets are folded from all of them (`infra/declared.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from components.sizing import Size, WorkloadSize
from components.software.model import Software


@dataclass(frozen=True, kw_only=True)
class PortRange:
    """The ports of a component that runs any number of workloads, named `<component>-<name>`, on one machine.

    A workload whose container port is `standard` + n listens on `first` + n, for n below `count`.
    """

    standard: int
    first: int
    count: int

    @property
    def numbers(self) -> range:
        """Returns all ports of the range, at offset 0."""
        return range(self.first, self.first + self.count)


@dataclass(frozen=True, kw_only=True)
class WorkloadDeclaration:
    """Declares the sizes of a workload and its ports on one machine.

    `sizes` has a row for each size of the platform. `ports` maps the name of each port to its number on one
    machine (its usual digits behind a leading 2 where that is free, below the ephemeral range), and
    `port_ranges` does so for a component with any number of workloads. A workload that runs on a cluster
    only, or on one machine only, gives the reason in `absent_on_one_machine` or `absent_on_kubernetes`.
    `least_memory_on_kubernetes` is in MiB.
    """

    sizes: Mapping[Size, WorkloadSize]
    ports: Mapping[str, int] = field(default_factory=dict)
    port_ranges: Mapping[str, PortRange] = field(default_factory=dict)
    absent_on_one_machine: str = ""
    absent_on_kubernetes: str = ""
    least_memory_on_kubernetes: int = 0


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """Declares one component: its name in the configuration and the outputs, and what it takes to run it.

    - `needs`: the components whose endpoints it is built with; each is declared before it.
    - `workloads`: its workloads by name, the component's own name first.
    - `software`: what its servers run; a cloud that serves the component itself needs none of it.
    - `tasks`: software that runs beside the servers, on every cloud.
    - `database`: it has a Postgres database of its name, which it owns.
    - `buckets`: the buckets that it adds to the object store, by logical name.
    - `writes`, `reads`: the buckets that it reaches, with a key of its name. It reaches no others.
    - `exposable`: clients outside a cluster may reach it, at a host name of `expose`.
    - `external`: the key of `external` under which a site gives its own server instead; empty if it cannot.
    - `only_with`: it runs only with this setting, a list or a switch; empty if it needs none.
    - `switchable`: it has a switch in `components`, described by `description`.
    """

    name: str
    workloads: Mapping[str, WorkloadDeclaration]
    needs: tuple[str, ...] = ()
    software: tuple[Software, ...] = ()
    tasks: tuple[Software, ...] = ()
    database: bool = False
    buckets: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    exposable: bool = False
    external: str = ""
    only_with: str = ""
    switchable: bool = True
    description: str = ""
