"""Computes the values of templates (components/templates.py) in a pod."""

from collections.abc import Mapping

from components.base import Program, Workload
from components.templates import render
from providers.kubernetes.naming import Naming, dns_label

RUN = "/nebula/run"
VOLUME = "/nebula/volume"
DATA = f"{VOLUME}/data"
"""Below the volume's own root, which is not the server's to change and may hold lost+found."""

POD_NAME, POD_IP, POD_INDEX = "NEBULA_POD_NAME", "NEBULA_POD_IP", "NEBULA_POD_INDEX"
"""Environment variables that say which pod this is."""


def is_stateful(program: Program) -> bool:
    """Returns True if the program's replicas have names and volumes of their own."""
    return isinstance(program, Workload) and program.volume is not None


def of_program(program: Program, naming: Naming) -> dict[str, str]:
    """Returns the values that are the same in every pod of the program."""
    values = {
        "home": program.software.image.home,
        "java": "java",
        "run": RUN,
        "workload": dns_label(program.name),
        "data": DATA,
        "bind": "0.0.0.0",  # noqa: S104  # a pod has an address of its own, and network policies
    }
    values |= {f"home.{used.name}": used.image.home for used in program.uses}
    values |= {f"port.{name}": str(number) for name, number in program.ports.items()}
    if is_stateful(program) and isinstance(program, Workload):
        pods = [naming.pod_name(program.name, index) for index in range(program.replicas)]
        for name, number in program.ports.items():
            peers = [f"{naming.pod_host(program.name, pod)}:{number}" for pod in pods]
            values[f"peers.{name}"] = ",".join(peers)
            values |= {f"peer.{name}.{index}": peer for index, peer in enumerate(peers)}
    return values


def of_files(program: Program, naming: Naming) -> list[dict[str, str]]:
    """Returns the values for files: one table for each named replica, or one for all pods. In the
    latter, `{host}` is the service's name, and `{index}` is 0 if there is only one pod."""
    common = of_program(program, naming)
    if is_stateful(program) and isinstance(program, Workload):
        return [
            {**common, "index": str(index), "host": naming.pod_host(program.name, pod)}
            for index in range(program.replicas)
            for pod in [naming.pod_name(program.name, index)]
        ]
    if is_single(program):
        return [{**common, "index": "0", "host": naming.service_host(program.name)}]
    return [common]


def of_pod(program: Program, naming: Naming) -> dict[str, str]:
    """Returns the values for commands and environment; Kubernetes replaces `$(NAME)` in each pod."""
    common = of_program(program, naming)
    if is_stateful(program):
        host = naming.pod_host(program.name, f"$({POD_NAME})")
        return {**common, "index": f"$({POD_INDEX})", "host": host}
    if is_single(program):
        return {**common, "index": "0", "host": naming.service_host(program.name)}
    return {**common, "index": f"$({POD_NAME})", "host": f"$({POD_IP})"}


def render_for_pod(template: str, values: Mapping[str, str]) -> str:
    """Renders a word of a command or a value of the environment, and keeps the text's own `$(`."""
    return render(template.replace("$(", "$$("), values)


def is_single(program: Program) -> bool:
    """Returns True if the program never has more than one pod."""
    return not isinstance(program, Workload) or max(program.replicas, program.max_replicas) == 1
