"""The node's network: a bridge that connects the pods, and the kernel settings for it.

Pods reach one another and this machine, and nothing beyond it, because their addresses are not masqueraded.
"""

import ipaddress
import json
import subprocess
from pathlib import Path

from tests.testbed.control_plane import SERVICE_RANGE
from tests.testbed.errors import HostError

BRIDGE = "nebula-testbed"
POD_RANGE = "10.244.0.0/23"
NODE_ADDRESS = "10.244.0.1"
"""The machine's address on the bridge: of the node, of its API server and of everything that serves it."""

LOAD_BALANCERS = "10.244.2.0/24"
"""Addresses for Services of type LoadBalancer, which this machine reaches by the bridge."""

_NETWORK = "nebula-testbed"
_SETTINGS = {
    "net/ipv4/ip_forward": "1",
    # Else the answer of a pod on the same bridge would not pass the rules that gave it a service's name.
    "net/bridge/bridge-nf-call-iptables": "1",
}
_SYSCTL = Path("/proc/sys")
_RESULTS = Path("/var/lib/cni/results")


def check() -> None:
    """Raise HostError when the addresses of pods and services are used on this machine already."""
    for line in _ip("-4", "route", "show").splitlines():
        destination = line.split()[0]
        if destination in ("default", "unreachable", "blackhole") or f"dev {BRIDGE}" in line:
            continue
        route = ipaddress.ip_network(destination, strict=False)
        for wanted in (POD_RANGE, SERVICE_RANGE, LOAD_BALANCERS):
            if route.overlaps(ipaddress.ip_network(wanted)):
                raise HostError(
                    f"The testbed's addresses {wanted} are in use on this machine (route: {line.strip()}). "
                    "Take that network down first."
                )


def owner() -> Path | None:
    """Return the directory of the testbed that the bridge belongs to, or None when there is none."""
    alias = Path("/sys/class/net", BRIDGE, "ifalias")
    directory = Path(alias.read_text().strip()) if alias.exists() else None
    return directory if directory and directory.is_absolute() and directory.exists() else None


def raise_bridge(directory: Path) -> None:
    """Create the bridge for the testbed in `directory`, and make the kernel forward packets."""
    for name, value in _SETTINGS.items():
        if (_SYSCTL / name).exists():
            (_SYSCTL / name).write_text(value)
    if not bridge_exists():
        _ip("link", "add", BRIDGE, "type", "bridge")
        _ip("link", "set", BRIDGE, "alias", str(directory))
        prefix = POD_RANGE.partition("/")[2]
        _ip("address", "add", f"{NODE_ADDRESS}/{prefix}", "dev", BRIDGE)
    _ip("link", "set", BRIDGE, "up")
    _ip("route", "replace", LOAD_BALANCERS, "dev", BRIDGE)


def write_configuration(directory: Path, state: Path) -> None:
    """Write the network plugins' configuration to `directory`. They keep assigned addresses in `state`."""
    directory.mkdir(parents=True, exist_ok=True)
    plugin = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "dataDir": str(state),
            "ranges": [[{"subnet": POD_RANGE, "gateway": NODE_ADDRESS}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    text = json.dumps({"cniVersion": "0.4.0", "name": _NETWORK, "plugins": [plugin]}, indent=2)
    (directory / "10-testbed.conflist").write_text(text)


def bridge_exists() -> bool:
    return Path("/sys/class/net", BRIDGE).exists()


def interfaces() -> list[str]:
    """Return the bridge and the network interfaces that are attached to it."""
    ports = Path("/sys/class/net", BRIDGE, "brif")
    return [BRIDGE, *sorted(port.name for port in ports.iterdir())] if bridge_exists() else []


def results() -> list[Path]:
    """Return the files in which the network plugins recorded the testbed's pods."""
    if not _RESULTS.is_dir():
        return []
    ours = [path for path in _RESULTS.iterdir() if path.name.startswith(f"{_NETWORK}-")]
    pods = {path.name.removeprefix(f"{_NETWORK}-").partition("-")[0] for path in ours}
    loopback = [path for path in _RESULTS.iterdir() if path.name.split("-")[-2:-1] in [[pod] for pod in pods]]
    return sorted({*ours, *loopback})


def clear() -> None:
    """Remove the interfaces and what the network plugins noted."""
    for name in reversed(interfaces()):
        subprocess.run(["ip", "link", "delete", name], capture_output=True, check=False)
    for path in results():
        path.unlink(missing_ok=True)


def _ip(*arguments: str) -> str:
    ended = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if ended.returncode:
        raise HostError(f"ip {' '.join(arguments)} failed: {ended.stderr.strip()}")
    return ended.stdout
