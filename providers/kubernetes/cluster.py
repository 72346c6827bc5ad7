"""Runs workloads as StatefulSets and Deployments, and tasks as Jobs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi_kubernetes import batch, core, meta

from components.base import (
    Address,
    ExecutorTemplate,
    Finished,
    HostPort,
    Program,
    Running,
    Task,
    Workload,
    dependencies,
)
from providers.kubernetes import files, objects, pods, tls_proxy
from providers.kubernetes.exposure import OUTSIDE, Exposure, LoadBalancer, route
from providers.kubernetes.identity import Identities, identity_of, permission_to_spawn, service_account
from providers.kubernetes.naming import Naming, dns_label
from providers.kubernetes.network import Network
from providers.kubernetes.placeholders import is_stateful
from providers.kubernetes.pods import PodSettings
from providers.kubernetes.results import TerminationMessages
from providers.kubernetes.scaling import autoscaler, disruption_budget
from providers.kubernetes.secret_store import NamespaceSecrets, SecretStore

_API = "https://kubernetes.default.svc"
# A node may have to be added, and an image pulled, before a server can begin to start.
_ARRIVAL = 900
_RETRIES = 3

# A Job that failed stays failed: the next `up` makes it again.
_ANEW = {"pulumi.com/replaceUnready": "true"}
# A Job that is suspended neither ends nor is at fault.
_WAITING = objects.AT_ONCE


@dataclass(frozen=True, kw_only=True)
class ClusterSettings:
    """The settings of a cluster. The API server listens on `api_ports`: the port of the service
    `kubernetes`, and the port behind it, which network policies see."""

    pods: PodSettings
    storage_class: str | None = None
    exposure: Exposure = field(default_factory=Exposure)
    api_ports: tuple[int, ...] = (443, 6443)


class KubernetesCluster:
    """Runs workloads and tasks in one namespace of an existing cluster."""

    def __init__(
        self,
        provider: pulumi.ProviderResource,
        settings: ClusterSettings,
        results: TerminationMessages,
        depends_on: Sequence[pulumi.Resource],
        *,
        identities: Identities | None = None,
        secrets: SecretStore | None = None,
        security_group: pulumi.Input[str] = "",
    ) -> None:
        self.security_group = security_group
        self._provider = provider
        self._settings = settings
        self._pods = settings.pods
        self._naming: Naming = settings.pods.naming
        self._results = results
        self._depends_on = depends_on
        self._network = Network(self._naming, settings.api_ports)
        self._identities = identities
        self._secrets = secrets or NamespaceSecrets(self._naming)

    def address(self, workload: str, port: str, number: int) -> Address:
        """Returns the service's name as the inside address. The outside address is the same unless the
        workload is exposed."""
        inside = HostPort(
            pulumi.Output.from_input(self._naming.service_host(workload)), pulumi.Output.from_input(number)
        )
        return Address(inside=inside, outside=self._settings.exposure.https(workload) or inside)

    def outside(self, workload: str, number: int, replica: int) -> HostPort | None:
        return self._settings.exposure.outside(workload, number + replica)

    def run(self, workload: Workload, parent: pulumi.Resource) -> Running:
        opts = self._options(parent, dependencies(workload.links))
        naming, storage_class = self._naming, self._settings.storage_class
        parts, policies = self._parts(workload, opts)
        service = objects.service(workload, workload.name, naming, opts)
        scaled = workload.max_replicas > workload.replicas
        volume = pulumi.Output.from_input("")
        resource: pulumi.Resource
        if is_stateful(workload):
            claims = [
                objects.claim(workload, index, storage_class, naming, opts)
                for index in range(workload.replicas)
            ]
            volume = claims[0].metadata.uid.apply(str)
            peers = objects.service(workload, naming.peers(workload.name), naming, opts, headless=True)
            after = self._after(opts, [service, peers, *claims, *policies], workload)
            resource = objects.stateful_set(workload, parts, storage_class, naming, after)
        else:
            after = self._after(opts, [service, *policies], workload)
            resource = objects.deployment(workload, parts, naming, after)
        self._expose(workload, opts)
        if scaled:
            autoscaler(workload, naming, opts)
        if max(workload.replicas, workload.max_replicas) > 1:
            disruption_budget(workload, naming, opts)
        return Running(
            resource=resource,
            volume=volume,
            addresses={
                name: self.address(workload.name, name, number) for name, number in workload.ports.items()
            },
        )

    def run_task(self, task: Task, parent: pulumi.Resource) -> Finished:
        opts = self._options(parent, dependencies(task.links))
        account, bound = self._account(task, opts)
        made = self._files(task, opts)
        needed = [*self._network.connect(task, opts), *bound, *made.depends_on]
        if task.ports:
            needed.append(objects.service(task, task.name, self._naming, opts, headless=True))
        if task.executors is not None:
            needed += permission_to_spawn(task, self._naming, opts)
        template = pods.template(task, made, self._pods, account)
        inputs = pulumi.Output.all(made.digest, pulumi.Output.json_dumps(_plain(task, self._pods)))
        digest = files.digest({"inputs": inputs.apply(lambda known: "".join(known))})
        job = batch.v1.Job(
            task.name,
            metadata=meta.v1.ObjectMetaArgs(
                name=digest.apply(lambda value: f"{dns_label(task.name)}-{value}"),
                namespace=self._naming.namespace,
                labels=self._naming.labels(task.name),
                annotations=_WAITING if task.parked else _ANEW,
            ),
            spec=batch.v1.JobSpecArgs(
                template=template,
                backoff_limit=_RETRIES,
                active_deadline_seconds=_ARRIVAL + task.timeout,
                # One that has run stays as it is, with its result; one that has not waits.
                suspend=True if task.parked else None,
            ),
            opts=self._within(opts, needed, _ARRIVAL + task.timeout),
        )
        return Finished(resource=job, result=self._results.of(job))

    def executor_template(self, template: Program, parent: pulumi.Resource) -> ExecutorTemplate:
        """Returns the API server's address and a template of pods that Pod Security admits."""
        opts = self._options(parent, dependencies(template.links))
        _, bound = self._account(template, opts)
        policies = self._network.connect(template, opts, among=True)
        name = dns_label(template.name)
        made = self._files(template, opts)
        manifest = pods.executor_manifest(template, made, self._pods, name)
        return ExecutorTemplate(
            workload=template.name,
            api=_API,
            namespace=self._naming.namespace,
            image=self._pods.image(template.software),
            image_home=template.software.image.home,
            service_account=name,
            template=pulumi.Output.json_dumps(manifest),
            labels=self._naming.labels(template.name),
            cpu_requests=self._pods.cpu_requests,
            depends_on=(*bound, *policies, *made.depends_on),
        )

    def _parts(
        self, workload: Workload, opts: pulumi.ResourceOptions
    ) -> tuple[core.v1.PodTemplateSpecArgs, list[pulumi.Resource]]:
        account, bound = self._account(workload, opts)
        made = self._files(workload, opts)
        policies = self._network.connect(workload, opts)
        return pods.template(workload, made, self._pods, account), [*policies, *bound, *made.depends_on]

    def _files(self, program: Program, opts: pulumi.ResourceOptions) -> files.Files:
        return files.create(
            program, self._naming, self._secrets, identity_of(program), self._settings.exposure, opts
        )

    def _account(
        self, program: Program, opts: pulumi.ResourceOptions
    ) -> tuple[pulumi.Output[str], list[pulumi.Resource]]:
        """Returns the name of the program's service account, and the resources that its pods start after."""
        account, binding = service_account(program, self._naming, self._identities, opts)
        reached = self._network.reach(program.name, binding.reaches, opts)
        return account.metadata.name, [account, *binding.depends_on, *reached]

    def _expose(self, workload: Workload, opts: pulumi.ResourceOptions) -> None:
        exposure, naming = self._settings.exposure, self._naming
        if (hostname := exposure.hosts.get(workload.name)) is None:
            return
        if exposure.gateway is not None and OUTSIDE not in workload.ports:
            port = next(iter(workload.ports.values()))
            route(workload.name, hostname, port, exposure.gateway, naming, opts)
            self._network.admit(workload.name, (port,), exposure.gateway.namespace, opts)
        elif exposure.load_balancer is not None:
            self._balance(workload, exposure.load_balancer, opts)
        else:
            raise ValueError(f"{workload.name} is to be exposed as {hostname}, but nothing leads to it")

    def _balance(self, workload: Workload, balancer: LoadBalancer, opts: pulumi.ResourceOptions) -> None:
        """Creates a TLS proxy before the workload, and a load balancer before the proxy."""
        before = tls_proxy.workload_of(workload, self._naming)
        services = tls_proxy.services(workload, before, balancer, self._naming, opts)
        account, bound = self._account(before, opts)
        made = tls_proxy.with_certificate(self._files(before, opts), balancer)
        opened = [
            *self._network.forward(before.name, workload.name, tls_proxy.target_port(workload), opts),
            self._network.admit(before.name, tuple(before.ports.values()), None, opts),
        ]
        template = pods.template(before, made, self._pods, account)
        needed = [*services, *opened, *bound, *made.depends_on]
        objects.deployment(before, template, self._naming, self._after(opts, needed, before))
        if before.replicas > 1:
            disruption_budget(before, self._naming, opts)

    def _after(
        self, opts: pulumi.ResourceOptions, resources: Sequence[pulumi.Resource], workload: Workload
    ) -> pulumi.ResourceOptions:
        return self._within(opts, resources, _ARRIVAL + workload.readiness.deadline * workload.replicas)

    @staticmethod
    def _within(
        opts: pulumi.ResourceOptions, resources: Sequence[pulumi.Resource], seconds: int
    ) -> pulumi.ResourceOptions:
        limit = f"{seconds}s"
        more = pulumi.ResourceOptions(
            depends_on=[*resources], custom_timeouts=pulumi.CustomTimeouts(create=limit, update=limit)
        )
        return pulumi.ResourceOptions.merge(opts, more)

    def _options(
        self, parent: pulumi.Resource, depends_on: Sequence[pulumi.Resource]
    ) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(
            parent=parent,
            provider=self._provider,
            depends_on=[*self._depends_on, *depends_on],
        )


def _plain(task: Task, settings: PodSettings) -> dict[str, Any]:
    """Returns the inputs, beside files and secrets, whose change makes a task run again."""
    return {
        "image": settings.image(task.software),
        "command": list(task.command),
        "env": dict(task.env),
        "triggers": dict(task.triggers),
        "cpu": task.resources.cpu,
        "memory": task.resources.memory,
        "timeout": task.timeout,
    }
