"""Starts and removes a whole testbed: the control plane, a node, its network and its images."""

import shutil
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from providers.local.artifacts import Progress
from providers.local.artifacts.cache import hold_lock
from providers.local.paths import cache_directory, stack_directory
from providers.local.plugin import os_processes
from tests.testbed import control_groups, firewall, machine, network, packages, residue
from tests.testbed.binaries import PROGRAMS, require
from tests.testbed.containerd import Containerd
from tests.testbed.control_plane import SERVERS, ControlPlane
from tests.testbed.daemons import Daemons, direct_environment
from tests.testbed.errors import HostError, TestbedError
from tests.testbed.images import programs, software
from tests.testbed.images.software import Image
from tests.testbed.node import NAME, Node

MANIFESTS = Path(__file__).parent / "manifests"
_READY_SECONDS = 120
_NODE_SERVERS = ("kubelet", "kube-proxy", "storage-provisioner", "network-policy", "containerd")


class Testbed:
    """A Kubernetes cluster of one node on this machine, which needs root. `kubeconfig` exists while it is up.

    Only one can run at a time, because its addresses and its bridge are fixed.
    """

    __test__ = False  # Not a test class, whatever pytest thinks of its name.

    def __init__(self, directory: Path | None = None, cache: Path | None = None) -> None:
        self.directory = directory or stack_directory("testbed")
        self.kubeconfig = self.directory / "kubeconfig"
        self._cache = cache or cache_directory()
        self._record = self.directory / "machine.json"
        self._daemons = Daemons(self.directory, detached=True)
        self._control_plane = ControlPlane(
            self.directory / "control-plane",
            cache=self._cache,
            address=network.NODE_ADDRESS,
            controllers=True,
            detached=True,
        )
        self._containerd = Containerd(self.directory, self._cache, self._daemons)

    def up(self, progress: Progress, names: Sequence[str] = ()) -> None:
        """Start the testbed, and return when pods can run.

        It has the images of all software, or only of the rows called `names`. When it is up already, only
        changed images are loaded. Remains of a killed testbed are removed first.
        """
        packages.require_root()
        packages.require()
        built = require(PROGRAMS, self._cache)
        began = time.monotonic()

        def say(line: str) -> None:
            progress(f"{time.monotonic() - began:5.1f} s  {line}")

        with hold_lock(self._cache / "testbed" / "node", progress):
            self._require_ownership()
            if self.running():
                self._containerd.load(self.images(progress, names), say)
                progress(f"the testbed is up: {self.kubeconfig}")
                return
            if self.left():
                say("removing what an earlier testbed left behind")
                self._clear()
            network.check()
            images = self.images(progress, names)
            self._start(built, images, say)
            say(f"ready: {self.kubeconfig}")

    def images(self, progress: Progress, names: Sequence[str] = ()) -> list[Image]:
        """Return the images that it runs. Images that are not in the cache are made."""
        unknown = set(names) - {row.name for row in software.rows()}
        if unknown:
            raise TestbedError(
                f"No software that runs as a container is called {', '.join(sorted(unknown))}."
            )
        own = programs.images(require(PROGRAMS, self._cache), self._cache)
        return [*own, *software.images(names, self._cache, progress)]

    def running(self) -> bool:
        """Return whether the testbed was fully started and all its servers live."""
        return self.kubeconfig.exists() and all(
            [
                *(self._daemons.running(name) for name in _NODE_SERVERS),
                *(self._control_plane.daemons.running(name) for name in SERVERS),
            ]
        )

    def down(self, progress: Progress) -> None:
        """Stop the testbed, and remove everything that it made on this machine, except for the cache. Does
        nothing when it is down already."""
        packages.require_root()
        with hold_lock(self._cache / "testbed" / "node", progress):
            self._require_ownership()
            self._clear()

    def processes(self) -> set[int]:
        """Return the pids of its servers and of everything in its pods."""
        servers = self._daemons.running() | self._control_plane.daemons.running()
        return servers | control_groups.processes()

    def kubectl(self, *arguments: str) -> str:
        """Run kubectl as the cluster's administrator, and return its output. Raises HostError when it
        fails."""
        return self._kubectl(require(PROGRAMS, self._cache), *arguments)

    def left(self) -> list[str]:
        """Return descriptions of everything that a testbed has on this machine, running or not."""
        servers = {*self._daemons.running(), *self._control_plane.daemons.running()}
        return [
            *(f"process {pid}: {os_processes.command_summary(pid)}" for pid in sorted(servers)),
            *(
                f"process {pid} of a pod: {os_processes.command_summary(pid)}"
                for pid in sorted(control_groups.processes())
            ),
            *(f"mount {place}" for place in residue.mounts(self.directory)),
            *(f"network interface {name}" for name in network.interfaces()),
            *(f"rule of {rule}" for rule in firewall.rules()),
            *(f"file {path}" for path in (*network.results(), *residue.links(self.directory))),
            *(f"control group {path}" for path in control_groups.existing()),
            *([f"directory {self.directory}"] if self.directory.exists() else []),
        ]

    def _require_ownership(self) -> None:
        """Raise HostError when this machine has a testbed of another directory."""
        other = network.owner()
        if other not in (None, self.directory):
            raise HostError(
                f"Another testbed is on this machine, in {other}, and there can be one at a time. "
                f"Take it down first: python -m tests.testbed --directory {other} down"
            )

    def _clear(self) -> None:
        """Remove everything, in an order in which nothing is created again."""
        for name in _NODE_SERVERS[:-1]:
            self._daemons.stop(name, grace=1.0)
        self._control_plane.stop()
        control_groups.kill()
        if self.directory.exists() and self._containerd.content.exists():
            if not self._daemons.running("containerd"):
                self._containerd.start()
            self._containerd.remove_containers()
        self._daemons.stop(grace=5.0)
        residue.unmount(self.directory)
        control_groups.remove()
        network.clear()
        machine.restore(self._record)
        residue.remove(self.directory)

    def _start(self, built: Path, images: Sequence[Image], say: Progress) -> None:
        self.directory.mkdir(parents=True)
        self.directory.chmod(0o755)
        machine.remember(self._record)
        network.raise_bridge(self.directory)
        network.write_configuration(self._containerd.network_configuration, self.directory / "addresses")
        control_groups.create()
        with ThreadPoolExecutor(2) as pool:
            say("starting the control plane, and loading the images")
            serving = pool.submit(self._control_plane.start)
            loading = pool.submit(self._start_containerd, images, say)
            serving.result()
            say("the API server is ready")
            self._kubectl(built, "apply", "--server-side", "--filename", str(MANIFESTS))
            loading.result()
        say("starting the node")
        Node(self.directory, built, self._daemons).start(self._control_plane, self._containerd)
        timeout = f"--timeout={_READY_SECONDS}s"
        self._kubectl(built, "wait", "--for=create", f"node/{NAME}", timeout)
        self._kubectl(built, "wait", "--for=condition=Ready", f"node/{NAME}", timeout)
        say("the node is ready; starting DNS")
        self._kubectl(built, "rollout", "status", "deployment/coredns", "--namespace=kube-system", timeout)
        shutil.copy(self._control_plane.kubeconfig, self.kubeconfig)

    def _start_containerd(self, images: Sequence[Image], say: Progress) -> None:
        self._containerd.start()
        self._containerd.remove_containers()
        self._containerd.load(images, say)
        say("the images are there")

    def _kubectl(self, built: Path, *arguments: str) -> str:
        command = [
            str(built / "kubectl"),
            f"--kubeconfig={self._control_plane.kubeconfig}",
            f"--cache-dir={self.directory / 'kubectl'}",  # Else it makes one in the user's home.
            *arguments,
        ]
        ended = subprocess.run(command, capture_output=True, text=True, env=direct_environment())
        if ended.returncode:
            raise HostError(
                f"kubectl {' '.join(arguments)} failed: {ended.stderr.strip()[-800:]}. See the logs in "
                f"{self.directory / 'logs'} and {self._control_plane.directory / 'logs'}; then: "
                "python -m tests.testbed down"
            )
        return ended.stdout
