"""Makes the objects of a workload: a StatefulSet with its claims, or a Deployment, and services."""

import pulumi
from pulumi_kubernetes import apps, core, meta

from components.base import Program, Workload
from providers.kubernetes import pods
from providers.kubernetes.naming import Naming, dns_label

AT_ONCE = {"pulumi.com/skipAwait": "true"}
"""A claim that waits for its first pod never becomes bound by itself, a service has no pod yet."""


def stateful_set(
    workload: Workload,
    template: core.v1.PodTemplateSpecArgs,
    storage_class: str | None,
    naming: Naming,
    opts: pulumi.ResourceOptions,
) -> pulumi.Resource:
    claim_template = core.v1.PersistentVolumeClaimArgs(
        metadata=meta.v1.ObjectMetaArgs(name=pods.CLAIM_TEMPLATE),
        spec=pods.claim_template(workload, storage_class),
    )
    return apps.v1.StatefulSet(
        workload.name,
        metadata=naming.metadata(workload.name),
        spec=apps.v1.StatefulSetSpecArgs(
            replicas=0 if workload.parked else workload.replicas,
            service_name=naming.peers(workload.name),
            selector=_selector(workload, naming),
            template=template,
            volume_claim_templates=[claim_template],
            # A quorum forms only when all of it may start.
            pod_management_policy="Parallel",
            persistent_volume_claim_retention_policy=(
                apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicyArgs(
                    when_deleted="Retain", when_scaled="Retain"
                )
            ),
        ),
        # A claim that grows is changed itself (`claim`); a template cannot be.
        opts=pulumi.ResourceOptions.merge(
            opts, pulumi.ResourceOptions(ignore_changes=["spec.volumeClaimTemplates"])
        ),
    )


def deployment(
    workload: Workload,
    template: core.v1.PodTemplateSpecArgs,
    naming: Naming,
    opts: pulumi.ResourceOptions,
) -> pulumi.Resource:
    scaled = workload.max_replicas > workload.replicas
    return apps.v1.Deployment(
        workload.name,
        metadata=naming.metadata(workload.name),
        spec=apps.v1.DeploymentSpecArgs(
            # Where an autoscaler owns the number, it is not said here. It lets one that is at zero be.
            replicas=0 if workload.parked else None if scaled else workload.replicas,
            selector=_selector(workload, naming),
            template=template,
        ),
        opts=opts,
    )


def claim(
    workload: Workload,
    index: int,
    storage_class: str | None,
    naming: Naming,
    opts: pulumi.ResourceOptions,
) -> core.v1.PersistentVolumeClaim:
    """Creates the claim under the name that the StatefulSet looks for. Replacing the StatefulSet keeps
    the data, destroying the stack removes it, and the claim's uid is the volume's identity."""
    return core.v1.PersistentVolumeClaim(
        f"{workload.name}-data-{index}",
        metadata=meta.v1.ObjectMetaArgs(
            name=pods.claim_name(workload.name, index, naming),
            namespace=naming.namespace,
            labels=naming.labels(workload.name),
            annotations=AT_ONCE,
        ),
        spec=pods.claim_template(workload, storage_class),
        opts=opts,
    )


def service(
    program: Program,
    name: str,
    naming: Naming,
    opts: pulumi.ResourceOptions,
    *,
    headless: bool = False,
) -> pulumi.Resource:
    return core.v1.Service(
        name,
        metadata=meta.v1.ObjectMetaArgs(
            name=dns_label(name),
            namespace=naming.namespace,
            labels=naming.labels(program.name),
            annotations=AT_ONCE,
        ),
        spec=core.v1.ServiceSpecArgs(
            type="ClusterIP",
            cluster_ip="None" if headless else None,
            # Peers find one another before they are ready, as they are ready only together.
            publish_not_ready_addresses=headless,
            selector=naming.selector(program.name),
            ports=[
                core.v1.ServicePortArgs(name=port, port=number, target_port=port)
                for port, number in program.ports.items()
            ],
        ),
        opts=opts,
    )


def _selector(workload: Workload, naming: Naming) -> meta.v1.LabelSelectorArgs:
    return meta.v1.LabelSelectorArgs(match_labels=naming.selector(workload.name))
