"""Folds the components' declarations into the tables that settings, images and providers read."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, get_args

from components.declaration import Declaration
from components.sizing import Size, Sizing
from infra.lakehouse import DECLARATIONS
from providers.local.ports import PortTable

BY_NAME: Mapping[str, Declaration] = {each.name: each for each in DECLARATIONS}
"""Each declaration by the name of its component."""

WORKLOADS = {name: workload for each in DECLARATIONS for name, workload in each.workloads.items()}
"""Each workload's declaration, by the name of the workload."""

COMPONENT_OF = {name: each.name for each in DECLARATIONS for name in each.workloads}
"""The component of each workload."""

SIZES: Mapping[Size, Sizing] = {
    size: {name: workload.sizes[size] for name, workload in WORKLOADS.items()} for size in get_args(Size)
}
"""The size of each workload, for each size of the platform."""

BUCKETS = tuple(bucket for each in DECLARATIONS for bucket in each.buckets)
"""The logical names of the platform's own buckets."""

DATABASES = tuple(each.name for each in DECLARATIONS if each.database)
"""The components that own a database."""

STORE_IDENTITIES = tuple(each.name for each in DECLARATIONS if each.writes or each.reads)
"""The services that have a key of the object store."""

EXTERNAL_KEYS: Mapping[str, str] = {each.name: each.external for each in DECLARATIONS if each.external}
"""The key of `external` under which a site gives its own server, by component."""

LOCAL_PORTS: PortTable = PortTable(DECLARATIONS)
"""The ports of every workload on one machine."""

# Pydantic reads the names themselves, for its errors and the schema; a type checker cannot.
if TYPE_CHECKING:
    WorkloadName = str
    ExposableName = str
    StoreIdentity = str
else:
    WorkloadName = Literal[*WORKLOADS]
    ExposableName = Literal[*(each.name for each in DECLARATIONS if each.exposable)]
    StoreIdentity = Literal[*STORE_IDENTITIES]
