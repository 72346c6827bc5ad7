"""Controls the number of a workload's replicas: with the load, and how many may be absent at a time."""

import pulumi
from pulumi_kubernetes import autoscaling, meta, policy

from components.base import Workload
from providers.kubernetes.naming import Naming, dns_label

_BUSY = 80
"""Percent of its requested cpu at which an autoscaler adds a replica."""


def autoscaler(workload: Workload, naming: Naming, opts: pulumi.ResourceOptions) -> None:
    autoscaling.v2.HorizontalPodAutoscaler(
        workload.name,
        metadata=naming.metadata(workload.name),
        spec=autoscaling.v2.HorizontalPodAutoscalerSpecArgs(
            scale_target_ref=autoscaling.v2.CrossVersionObjectReferenceArgs(
                api_version="apps/v1", kind="Deployment", name=dns_label(workload.name)
            ),
            min_replicas=workload.replicas,
            max_replicas=workload.max_replicas,
            metrics=[
                autoscaling.v2.MetricSpecArgs(
                    type="Resource",
                    resource=autoscaling.v2.ResourceMetricSourceArgs(
                        name="cpu",
                        target=autoscaling.v2.MetricTargetArgs(type="Utilization", average_utilization=_BUSY),
                    ),
                )
            ],
        ),
        opts=opts,
    )


def disruption_budget(workload: Workload, naming: Naming, opts: pulumi.ResourceOptions) -> None:
    policy.v1.PodDisruptionBudget(
        workload.name,
        metadata=naming.metadata(workload.name),
        spec=policy.v1.PodDisruptionBudgetSpecArgs(
            max_unavailable=1, selector=meta.v1.LabelSelectorArgs(match_labels=naming.selector(workload.name))
        ),
        opts=opts,
    )
