"""Converging what lives inside a server, by the bundled provisioner as a Task beside it."""

from collections.abc import Mapping
from typing import Any

import pulumi

from components.base import Cluster, Finished, Link, Task
from components.sizing import Sizing
from components.software import PROVISIONER


def converge(
    name: str,
    spec: Mapping[str, Any],
    *,
    cluster: Cluster,
    sizing: Sizing,
    link: Link,
    parent: pulumi.Resource,
    volume: pulumi.Input[str] = "",
) -> Finished:
    """Run the provisioner on `spec` (the schema is in apps/provisioner/README.md; `service` says
    which server). It runs again when the spec changes, or `volume`, the identity of what it fills."""
    return cluster.run_task(
        Task(
            name=name,
            software=PROVISIONER,
            command=("provisioner", "{run}/spec.json"),
            resources=sizing["provisioner"].resources,
            secret_files={"spec.json": pulumi.Output.json_dumps(spec, sort_keys=True)},
            triggers={"volume": volume},
            links=(link,),
        ),
        parent,
    )
