"""The foundation: the cluster, secrets, sizes and network that every component is built on."""

from dataclasses import dataclass

from components.base import Cluster, Secrets
from components.endpoints import NetworkEndpoint
from components.sizing import Sizing


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """Holds what every component is built on.

    Workloads run on `cluster`, which is part of `network`. `secrets` mints random secrets. `sizing` has the
    size of each workload by its name.
    """

    cluster: Cluster
    secrets: Secrets
    sizing: Sizing
    network: NetworkEndpoint
