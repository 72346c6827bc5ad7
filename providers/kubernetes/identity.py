"""Who a pod is to the API server: an account without a token, unless it starts pods itself."""

import pulumi
from pulumi_kubernetes import core, rbac

from components.base import Program, Task
from providers.kubernetes.naming import Naming, dns_label


def service_account(program: Program, naming: Naming, opts: pulumi.ResourceOptions) -> core.v1.ServiceAccount:
    return core.v1.ServiceAccount(
        program.name,
        metadata=naming.metadata(program.name),
        automount_service_account_token=False,
        opts=opts,
    )


def permission_to_spawn(task: Task, naming: Naming, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
    role = rbac.v1.Role(
        task.name,
        metadata=naming.metadata(task.name),
        rules=[
            rbac.v1.PolicyRuleArgs(
                api_groups=[""],
                resources=["pods", "configmaps"],
                verbs=["create", "get", "list", "watch", "delete", "deletecollection", "patch"],
            ),
            rbac.v1.PolicyRuleArgs(
                api_groups=[""],
                resources=["services", "persistentvolumeclaims"],
                verbs=["list", "delete", "deletecollection"],
            ),
        ],
        opts=opts,
    )
    binding = rbac.v1.RoleBinding(
        task.name,
        metadata=naming.metadata(task.name),
        role_ref=rbac.v1.RoleRefArgs(
            api_group="rbac.authorization.k8s.io", kind="Role", name=dns_label(task.name)
        ),
        subjects=[
            rbac.v1.SubjectArgs(kind="ServiceAccount", name=dns_label(task.name), namespace=naming.namespace)
        ],
        opts=opts,
    )
    return [role, binding]
