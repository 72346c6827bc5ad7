"""Names and labels the objects that the platform puts into a namespace."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes import meta

COMPONENT = "app.kubernetes.io/component"
INSTANCE = "app.kubernetes.io/instance"


def dns_label(name: str) -> str:
    """Returns `object_store` as a DNS label (RFC 1123): `object-store`."""
    return name.replace("_", "-").replace(".", "-")


@dataclass(frozen=True)
class Naming:
    """Names the objects of one stack, `instance`, in a namespace that may hold other objects too."""

    instance: str
    namespace: str

    @property
    def everything(self) -> Mapping[str, str]:
        """The labels that select every pod of the stack."""
        return {INSTANCE: self.instance}

    def selector(self, workload: str) -> Mapping[str, str]:
        """Returns the labels that select the pods of a workload. They must never change, since a
        workload's selector cannot."""
        return {INSTANCE: self.instance, COMPONENT: dns_label(workload)}

    def labels(self, workload: str) -> Mapping[str, str]:
        """Returns the recommended labels
        (https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/)."""
        return {
            **self.selector(workload),
            "app.kubernetes.io/part-of": "nebula",
            "app.kubernetes.io/managed-by": "pulumi",
        }

    def metadata(
        self, name: str, annotations: Mapping[str, pulumi.Input[str]] | None = None
    ) -> meta.v1.ObjectMetaArgs:
        """Returns the metadata of an object with the workload's name."""
        return meta.v1.ObjectMetaArgs(
            name=dns_label(name),
            namespace=self.namespace,
            labels=self.labels(name),
            annotations=annotations or None,
        )

    def service_host(self, workload: str) -> str:
        return f"{dns_label(workload)}.{self.namespace}.svc"

    def peers(self, workload: str) -> str:
        """Returns the name of the headless service of a workload whose replicas have names."""
        return f"{dns_label(workload)}-peers"

    def pod_name(self, workload: str, index: int) -> str:
        return f"{dns_label(workload)}-{index}"

    def pod_host(self, workload: str, pod_name: str) -> str:
        return f"{pod_name}.{self.peers(workload)}.{self.namespace}.svc"
