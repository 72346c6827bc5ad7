"""Makes the probes by which the kubelet asks whether a container has started, is ready, and is alive."""

from dataclasses import dataclass

from pulumi_kubernetes import core

from components.base import Command, Http, Probe, Program, Tcp, Workload
from components.templates import render
from providers.kubernetes.naming import Naming
from providers.kubernetes.placeholders import of_program

_SECONDS = 5
_READINESS_FAILURES = 2
_LIVENESS_FAILURES = 12
"""A minute without an answer: a server that is only busy must not be killed."""


@dataclass(frozen=True)
class Probes:
    """The three probes; each is None where the kubelet does not ask, as in a task, which is done when it
    ends."""

    startup: core.v1.ProbeArgs | None = None
    readiness: core.v1.ProbeArgs | None = None
    liveness: core.v1.ProbeArgs | None = None


def probes_of(program: Program, naming: Naming) -> Probes:
    """Returns the probes of a workload. Until it was ready once, it is asked for as long as the
    deadline; after that it gets less time to be ready again, and more to be alive."""
    if not isinstance(program, Workload):
        return Probes()
    ready, patience = program.readiness.probe, max(1, program.readiness.deadline // _SECONDS)
    return Probes(
        startup=_probe(program, ready, patience, naming),
        readiness=_probe(program, ready, _READINESS_FAILURES, naming),
        liveness=_probe(program, program.readiness.alive or ready, _LIVENESS_FAILURES, naming),
    )


def _probe(program: Program, asked: Probe, failures: int, naming: Naming) -> core.v1.ProbeArgs:
    http = tcp = command = None
    match asked:
        case Http(port=port, path=path):
            http = core.v1.HTTPGetActionArgs(port=port, path=path)
        case Tcp(port=port):
            tcp = core.v1.TCPSocketActionArgs(port=port)
        case Command(command=words):
            executable, *arguments = words
            line = [*program.software.executable(executable).in_image, *arguments]
            # The kubelet replaces no $(NAME) in a probe: none is written here.
            values = of_program(program, naming)
            command = core.v1.ExecActionArgs(command=[render(word, values) for word in line])
    return core.v1.ProbeArgs(
        http_get=http,
        tcp_socket=tcp,
        exec_=command,
        period_seconds=_SECONDS,
        timeout_seconds=_SECONDS,
        failure_threshold=failures,
    )
