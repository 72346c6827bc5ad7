"""The one node: kubelet, kube-proxy, and what provides volumes and enforces network policies."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from tests.testbed import control_groups
from tests.testbed.containerd import Containerd
from tests.testbed.control_plane import LOOPBACK, ControlPlane, free_port
from tests.testbed.daemons import Daemons
from tests.testbed.firewall import POLICY_TABLE
from tests.testbed.network import BRIDGE, NODE_ADDRESS, POD_RANGE

NAME = "nebula-testbed"
DNS_ADDRESS = "10.96.0.10"
PROVISIONER = "testbed.nebula.test/directory"
_PODS = 110


class Node:
    """The servers of the node, with their files below `directory`."""

    def __init__(self, directory: Path, programs: Path, daemons: Daemons) -> None:
        self.volumes = directory / "volumes"
        self._directory = directory
        self._programs = programs
        self._daemons = daemons

    def start(self, control_plane: ControlPlane, containerd: Containerd) -> None:
        """Start them; the node is ready some seconds later."""
        self._start_kubelet(control_plane, containerd)
        self._start_proxy(control_plane)
        self.volumes.mkdir(mode=0o755)
        self._start_own(
            control_plane, "storage-provisioner", {"name": PROVISIONER, "directory": self.volumes}
        )
        self._start_own(control_plane, "network-policy", {"table": POLICY_TABLE, "bridge": BRIDGE})

    def _start_own(self, control_plane: ControlPlane, name: str, options: Mapping[str, object]) -> None:
        """Start one of the testbed's own programs, as the Kubernetes user of the same name."""
        access = {"kubeconfig": control_plane.client(name)}
        self._daemons.start(name, [str(self._programs / name), *_flags({**access, **options})])

    def _start_kubelet(self, control_plane: ControlPlane, containerd: Containerd) -> None:
        access = control_plane.client(f"system:node:{NAME}", "system:nodes")
        serving = control_plane.authority.issue("kubelet", hosts=[NODE_ADDRESS, NAME])
        authority = str(control_plane.authority.certificate)
        settings = {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": NODE_ADDRESS,
            "healthzPort": 0,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": authority},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(serving.certificate),
            "tlsPrivateKeyFile": str(serving.key),
            "containerRuntimeEndpoint": f"unix://{containerd.socket}",
            "podLogsDir": str(self._directory / "pods"),
            "volumePluginDir": str(self._directory / "plugins"),
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{control_groups.ROOT}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "oomScoreAdj": 0,
            "clusterDNS": [DNS_ADDRESS],
            "clusterDomain": "cluster.local",
            "maxPods": _PODS,
            "serializeImagePulls": False,
            # A full disk or little memory must not end pods: other work goes on on this machine.
            "evictionHard": dict.fromkeys(
                (
                    "memory.available",
                    "nodefs.available",
                    "nodefs.inodesFree",
                    "imagefs.available",
                    "imagefs.inodesFree",
                ),
                "0%",
            ),
            "imageGCHighThresholdPercent": 100,
            "imageGCLowThresholdPercent": 99,
        }
        root = self._directory / "kubelet"
        options = {
            "config": _written(self._directory / "kubelet.yaml", settings),
            "kubeconfig": access,
            "root-dir": root,
            "cert-dir": root / "pki",
            "hostname-override": NAME,
            "node-ip": NODE_ADDRESS,
        }
        self._daemons.start("kubelet", [str(self._programs / "kubelet"), *_flags(options)])

    def _start_proxy(self, control_plane: ControlPlane) -> None:
        settings = {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "iptables",
            "clusterCIDR": POD_RANGE,
            "clientConnection": {"kubeconfig": str(control_plane.client("system:kube-proxy"))},
            "bindAddress": NODE_ADDRESS,
            "healthzBindAddress": f"{LOOPBACK}:{free_port(LOOPBACK)}",
            "metricsBindAddress": f"{LOOPBACK}:{free_port(LOOPBACK)}",
            "nodePortAddresses": [f"{NODE_ADDRESS}/32"],
            "hostnameOverride": NAME,
            "oomScoreAdj": 0,
            # Those of the machine stay as they are.
            "conntrack": {
                "maxPerCore": 0,
                "tcpEstablishedTimeout": "0s",
                "tcpCloseWaitTimeout": "0s",
            },
            "iptables": {"minSyncPeriod": "200ms", "localhostNodePorts": False},
        }
        configuration = _written(self._directory / "kube-proxy.yaml", settings)
        self._daemons.start("kube-proxy", [str(self._programs / "kube-proxy"), f"--config={configuration}"])


def _written(path: Path, settings: Mapping[str, object]) -> Path:
    path.write_text(yaml.safe_dump(dict(settings), sort_keys=False))
    return path


def _flags(options: Mapping[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in options.items()]
