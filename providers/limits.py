"""Says what each cloud reads, serves and cannot run. The settings are checked with it, without any SDK."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the settings must know of a cloud.

    `sections` are the sections of the stack file that it reads, of those that not every cloud reads;
    `required` is the one that it cannot do without. It serves the components `managed` itself. On
    `one_machine` a workload has one replica, and all workloads share the machine's ports. A cloud that
    `makes_cluster` takes no kubeconfig.
    """

    sections: frozenset[str]
    required: str = ""
    managed: frozenset[str] = frozenset()
    one_machine: bool = False
    makes_cluster: bool = False


_MANAGED = frozenset({"postgres", "object_store"})

LIMITS: Mapping[str, Limits] = {
    "local": Limits(sections=frozenset({"local"}), one_machine=True),
    "kubernetes": Limits(sections=frozenset({"kubernetes", "expose"})),
    "aws": Limits(
        sections=frozenset({"aws", "kubernetes", "expose"}),
        required="aws",
        managed=_MANAGED,
        makes_cluster=True,
    ),
    "gcp": Limits(
        sections=frozenset({"gcp", "kubernetes", "expose"}),
        required="gcp",
        managed=_MANAGED,
        makes_cluster=True,
    ),
}
"""The limits of each cloud, by the value of `cloud`."""
