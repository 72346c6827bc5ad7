"""Records the machine's settings before the testbed starts, and restores them.

The servers of a node change kernel settings and create directories, whatever their configuration.
"""

import contextlib
import json
import shutil
from pathlib import Path

from tests.testbed import firewall

_SYSCTL = Path("/proc/sys")
_SETTINGS = (
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "net/bridge/bridge-nf-call-iptables",
    "net/ipv4/conf/all/route_localnet",
    "net/ipv4/ip_forward",
    "net/netfilter/nf_conntrack_max",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)
"""Settings that the testbed, the network plugins, the kubelet or kube-proxy change."""
_DIRECTORIES = (
    "/run/containerd",
    "/var/lib/cni",
    "/var/lib/kubelet",
    "/var/log/containers",
    "/var/log/pods",
)
"""Directories that containerd's shims, the network plugins and the kubelet make."""


def remember(record: Path) -> None:
    """Write the machine's present settings, which `restore` needs, to the file `record`."""
    settings = {name: value for name in _SETTINGS if (value := _read(name)) is not None}
    record.write_text(
        json.dumps(
            {
                "settings": settings,
                "tables": sorted(firewall.tables()),
                "directories": [path for path in _DIRECTORIES if Path(path).exists()],
            },
            indent=2,
        )
    )


def restore(record: Path) -> None:
    """Remove the rules and directories that did not exist before, and restore the kernel's settings. Without
    a record only the rules are removed, which are known by their names."""
    if not record.exists():
        firewall.clear(firewall.tables())
        return
    before = json.loads(record.read_text())
    firewall.clear(set(before["tables"]))
    for path in set(_DIRECTORIES) - set(before["directories"]):
        shutil.rmtree(path, ignore_errors=True)
    for name, value in before["settings"].items():
        if _read(name) != value:
            (_SYSCTL / name).write_text(value)


def _read(name: str) -> str | None:
    with contextlib.suppress(FileNotFoundError):
        return (_SYSCTL / name).read_text().strip()
    return None
