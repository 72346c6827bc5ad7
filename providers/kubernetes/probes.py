"""How the kubelet asks a container whether it has started, is ready, and lives."""

from dataclasses import dataclass

from pulumi_kubernetes import core

from components.base import Command, Http, Program, Tcp, Workload
from components.templates import render
from providers.kubernetes.naming import Naming
from providers.kubernetes.placeholders import of_program

_SECONDS = 5
_READINESS_FAILURES = 2
_LIVENESS_FAILURES = 12
"""A minute without an answer: a server that is only busy must not be killed."""


@dataclass(frozen=True)
class Probes:
    """None where the kubelet does not ask: a task is done when it ends."""

    startup: core.v1.ProbeArgs | None = None
    readiness: core.v1.ProbeArgs | None = None
    liveness: core.v1.ProbeArgs | None = None


def probes_of(program: Program, naming: Naming) -> Probes:
    """One question, asked with three patiences; until it was answered once, for the deadline."""
    if not isinstance(program, Workload):
        return Probes()
    asked, values = program.readiness.probe, of_program(program, naming)
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
            command = core.v1.ExecActionArgs(command=[render(word, values) for word in line])

    def probe(failures: int) -> core.v1.ProbeArgs:
        return core.v1.ProbeArgs(
            http_get=http,
            tcp_socket=tcp,
            exec_=command,
            period_seconds=_SECONDS,
            timeout_seconds=_SECONDS,
            failure_threshold=failures,
        )

    return Probes(
        startup=probe(max(1, program.readiness.deadline // _SECONDS)),
        readiness=probe(_READINESS_FAILURES),
        liveness=probe(_LIVENESS_FAILURES),
    )
