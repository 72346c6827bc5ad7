"""Makes pod templates that pass Pod Security `restricted`."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes import core, meta

from components.base import Program, Resources, Workload
from components.software import Software
from components.templates import render
from providers.kubernetes import placeholders, security
from providers.kubernetes.files import Files
from providers.kubernetes.images import Images
from providers.kubernetes.naming import Naming
from providers.kubernetes.placeholders import (
    DATA,
    POD_INDEX,
    POD_IP,
    POD_NAME,
    RUN,
    VOLUME,
    is_single,
    is_stateful,
    of_pod,
    render_for_pod,
)
from providers.kubernetes.probes import probes_of

_VOLUME = "data"
_SCRATCH = "scratch"

# An attempt that was cut off is undone; data without a mark is nobody's to remove.
_PREPARE = """\
data=$1 preparing=$data.preparing prepared=$data.prepared
if [ -e "$prepared" ]; then exit 0; fi
if [ -e "$preparing" ]; then rm -rf "$data"; fi
touch "$preparing"
mkdir -p -m 0700 "$data"
{commands}
touch "$prepared"
rm "$preparing"
"""


@dataclass(frozen=True)
class PodSettings:
    """A site's settings for all pods. Pods request the fraction `cpu_requests` of their program's cores:
    below 1, a node takes more pods than it has cores for."""

    naming: Naming
    images: Images
    pull_secrets: tuple[str, ...] = ()
    cpu_requests: float = 1.0
    spread: str = "preferred"

    def image(self, software: Software) -> pulumi.Input[str]:
        return self.images.name(software.image)


def template(
    program: Program, files: Files, settings: PodSettings, service_account: pulumi.Input[str]
) -> core.v1.PodTemplateSpecArgs:
    """Returns the pod of a workload or task. `command` is the launch line of the image."""
    naming, software = settings.naming, program.software
    values = of_pod(program, naming)
    image = settings.image(software)
    probes = probes_of(program, naming)
    mounts = [*_writable_mounts(program), *files.mounts]
    if is_stateful(program):
        mounts.append(core.v1.VolumeMountArgs(name=_VOLUME, mount_path=VOLUME))
    environment = _environment(program, files, values)
    main = core.v1.ContainerArgs(
        name="main",
        image=image,
        command=_command(program, values),
        env=environment,
        ports=[
            core.v1.ContainerPortArgs(name=name, container_port=number)
            for name, number in program.ports.items()
        ],
        resources=_resources(program.resources, settings),
        security_context=security.container(),
        volume_mounts=mounts,
        termination_message_policy="FallbackToLogsOnError",
        lifecycle=_lifecycle(program),
        startup_probe=probes.startup,
        readiness_probe=probes.readiness,
        liveness_probe=probes.liveness,
    )
    prepare = []
    if is_stateful(program) and isinstance(program, Workload):
        prepare.append(
            core.v1.ContainerArgs(
                name="prepare",
                image=image,
                command=["sh", "-ec", _preparation(program, values), "prepare", DATA],
                env=environment,
                resources=_resources(program.resources, settings),
                security_context=security.container(),
                volume_mounts=mounts,
            )
        )
    return core.v1.PodTemplateSpecArgs(
        metadata=meta.v1.ObjectMetaArgs(
            labels=naming.labels(program.name),
            annotations={f"nebula/{key}": value for key, value in program.triggers.items()},
        ),
        spec=core.v1.PodSpecArgs(
            automount_service_account_token=program.executors is not None,
            containers=[main],
            enable_service_links=False,
            image_pull_secrets=[
                core.v1.LocalObjectReferenceArgs(name=name) for name in settings.pull_secrets
            ],
            init_containers=prepare,
            restart_policy="Always" if isinstance(program, Workload) else "Never",
            security_context=security.pod(software.image.user),
            service_account_name=service_account,
            termination_grace_period_seconds=program.stop_seconds if isinstance(program, Workload) else 30,
            topology_spread_constraints=[] if is_single(program) else [_spread(program, settings)],
            volumes=[
                core.v1.VolumeArgs(name=_SCRATCH, empty_dir=core.v1.EmptyDirVolumeSourceArgs()),
                *files.volumes,
            ],
        ),
    )


def claim_template(program: Workload, storage_class: str | None) -> core.v1.PersistentVolumeClaimSpecArgs:
    assert program.volume is not None
    return core.v1.PersistentVolumeClaimSpecArgs(
        access_modes=["ReadWriteOnce"],
        resources=core.v1.VolumeResourceRequirementsArgs(requests={"storage": f"{program.volume.size}Gi"}),
        storage_class_name=storage_class,
    )


def claim_name(workload: str, index: int, naming: Naming) -> str:
    """Returns the name of the claim that a StatefulSet looks for before it creates one."""
    return f"{_VOLUME}-{naming.pod_name(workload, index)}"


CLAIM_TEMPLATE = _VOLUME


def _command(program: Program, values: Mapping[str, str]) -> pulumi.Output[list[str]]:
    executable, *arguments = program.command
    words = [*program.software.executable(str(executable)).in_image, *arguments]
    return pulumi.Output.all(*words).apply(lambda known: [render_for_pod(word, values) for word in known])


def _environment(program: Program, files: Files, values: Mapping[str, str]) -> list[core.v1.EnvVarArgs]:
    fields = {POD_NAME: "metadata.name", POD_IP: "status.podIP"}
    if is_stateful(program):
        fields[POD_INDEX] = "metadata.labels['apps.kubernetes.io/pod-index']"
    own = {"HOME": "/tmp", **program.software.environment, **program.env}  # noqa: S108  # the pod's own
    if not isinstance(program, Workload):
        own["NEBULA_RESULT"] = "/dev/termination-log"
    return [
        *(
            core.v1.EnvVarArgs(
                name=name,
                value_from=core.v1.EnvVarSourceArgs(
                    field_ref=core.v1.ObjectFieldSelectorArgs(field_path=path)
                ),
            )
            for name, path in fields.items()
        ),
        *(
            core.v1.EnvVarArgs(
                name=name,
                value=pulumi.Output.from_input(value).apply(lambda text: render_for_pod(text, values)),
            )
            for name, value in own.items()
        ),
        *files.secret_env,
    ]


def _writable_mounts(program: Program) -> list[core.v1.VolumeMountArgs]:
    values = placeholders.of_program(program, Naming("", ""))
    paths = {"/tmp": "tmp", RUN: "run"}  # noqa: S108  # the pod's own
    paths |= {render(path, values): f"writable-{index}" for index, path in enumerate(program.writable)}
    return [
        core.v1.VolumeMountArgs(name=_SCRATCH, mount_path=path, sub_path=part) for path, part in paths.items()
    ]


def _preparation(program: Workload, values: Mapping[str, str]) -> str:
    lines = []
    for executable, *arguments in program.prepare:
        words = [*program.software.executable(executable).in_image, *arguments]
        lines.append(shlex.join(render_for_pod(word, values) for word in words))
    return _PREPARE.replace("{commands}", "\n".join(lines))


def _lifecycle(program: Program) -> core.v1.LifecycleArgs | None:
    """Sends the server its stop signal by a hook: an image can declare that signal, a pod cannot."""
    if not isinstance(program, Workload) or program.stop_signal == "TERM":
        return None
    line = f"kill -{program.stop_signal} 1; while kill -0 1; do sleep 0.2; done"
    action = core.v1.ExecActionArgs(command=["sh", "-c", line])
    return core.v1.LifecycleArgs(pre_stop=core.v1.LifecycleHandlerArgs(exec_=action))


def _resources(resources: Resources, settings: PodSettings) -> core.v1.ResourceRequirementsArgs:
    memory = f"{resources.memory}Mi"
    requested = max(1, round(resources.cpu * settings.cpu_requests * 1000))
    return core.v1.ResourceRequirementsArgs(
        requests={"cpu": f"{requested}m", "memory": memory},
        limits={"cpu": f"{round(resources.cpu * 1000)}m", "memory": memory},
    )


def _spread(program: Program, settings: PodSettings) -> core.v1.TopologySpreadConstraintArgs:
    return core.v1.TopologySpreadConstraintArgs(
        max_skew=1,
        topology_key="kubernetes.io/hostname",
        when_unsatisfiable="DoNotSchedule" if settings.spread == "required" else "ScheduleAnyway",
        label_selector=meta.v1.LabelSelectorArgs(match_labels=settings.naming.selector(program.name)),
    )


def executor_manifest(
    program: Program, files: Files, settings: PodSettings, service_account: str
) -> dict[str, object]:
    """Returns the pod, as JSON, that a task makes replicas of `program` from: the settings that Pod
    Security asks for and the task does not make, and the program's files."""
    home = program.software.image.home
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"labels": dict(settings.naming.labels(program.name))},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "imagePullSecrets": [{"name": name} for name in settings.pull_secrets],
            "serviceAccountName": service_account,
            "securityContext": security.pod(program.software.image.user),
            "containers": [
                {
                    "name": "main",
                    "env": [{"name": "HOME", "value": "/tmp"}],  # noqa: S108  # the pod's own
                    "securityContext": security.container(),
                    "volumeMounts": [
                        {"name": _SCRATCH, "mountPath": "/tmp", "subPath": "tmp"},  # noqa: S108
                        {"name": _SCRATCH, "mountPath": f"{home}/work-dir", "subPath": "work"},
                        *files.mounts,
                    ],
                }
            ],
            "volumes": [{"name": _SCRATCH, "emptyDir": {}}, *files.volumes],
        },
    }
