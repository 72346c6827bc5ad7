"""Runs a containerd of the testbed's own, and manages its images and containers.

Images stay in the cache, unpacked, from one start to the next. Containers do not.
"""

import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from providers.local.artifacts import Progress
from tests.testbed.daemons import Daemons
from tests.testbed.errors import DaemonError, ImageError
from tests.testbed.images import archive
from tests.testbed.images.programs import PAUSE
from tests.testbed.images.software import MIRROR, Image
from tests.testbed.packages import CNI_DIRECTORY

_READY_SECONDS = 60.0
_END_SECONDS = 30.0
_CAP_SYS_RESOURCE = 24


class Containerd:
    """The testbed's containerd, with its socket and state below `directory` and its images below `cache`."""

    def __init__(self, directory: Path, cache: Path, daemons: Daemons) -> None:
        self.socket = directory / "containerd.sock"
        self.network_configuration = directory / "cni"
        self.content = cache / "testbed" / "containerd"
        self._directory = directory
        self._daemons = daemons

    def start(self) -> None:
        """Start containerd, return when it answers, and remove the containers that an earlier one left."""
        self._directory.mkdir(parents=True, exist_ok=True)
        configuration = self._directory / "containerd.toml"
        configuration.write_text(_toml(self._settings()))
        self._daemons.start("containerd", ["containerd", "--config", str(configuration)])
        self._daemons.wait_until("containerd", self._answers, _READY_SECONDS)

    def remove_containers(self) -> None:
        """End and remove all containers, and the files that they wrote."""
        deadline = time.monotonic() + _END_SECONDS
        while names := self._ctr("containers", "ls", "--quiet").split():
            if time.monotonic() > deadline:
                raise DaemonError(
                    f"containerd cannot remove the containers {', '.join(names)}. Remove them with ctr."
                )
            if tasks := self._ctr("tasks", "ls", "--quiet").split():
                self._try("tasks", "rm", "--force", *tasks)
            self._try("containers", "rm", *names)

    def load(self, images: Sequence[Image], progress: Progress) -> None:
        """Load the images that are missing, and remove images of the same registry that are not in
        `images`."""
        present = self._present()
        wanted = {image.reference: archive.digest_of(image) for image in images}
        if lacking := [image for image in images if present.get(image.reference) != wanted[image.reference]]:
            size = sum({layer.digest: layer.size for image in lacking for layer in image.layers}.values())
            progress(f"loading {len(lacking)} of {len(images)} images (at most {size / 1e6:.0f} MB)")
            self._import(lacking)
        names = {name.rpartition(":")[0] for name in wanted}
        stale = [name for name in present if name not in wanted and name.rpartition(":")[0] in names]
        if stale:
            self._ctr("images", "rm", *stale)

    def images(self) -> list[str]:
        """Return the names of the loaded images of the testbed's registry."""
        return sorted(self._present())

    def _present(self) -> dict[str, str]:
        """Return the images of the testbed's registry and their digests."""
        rows = (line.split() for line in self._ctr("images", "ls").splitlines()[1:])
        return {row[0]: row[2] for row in rows if row[0].startswith(f"{MIRROR}/")}

    def _import(self, images: Sequence[Image]) -> None:
        command = [*self._command(), "images", "import", "-"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=False
        ) as child:
            if child.stdin is None or child.stdout is None:
                raise ImageError("ctr has no standard input. This is a defect of the testbed: report it.")
            try:
                with child.stdin:
                    archive.write(images, child.stdin)
            except BrokenPipeError:
                pass  # It ended early, and says why below.
            printed = child.stdout.read().decode(errors="replace")
        if child.returncode:
            raise ImageError(f"images cannot be loaded into containerd: {printed[-1000:]}")

    def _answers(self) -> bool:
        return (
            self.socket.exists()
            and not subprocess.run([*self._command(), "version"], capture_output=True).returncode
        )

    def _ctr(self, *arguments: str) -> str:
        ended = self._try(*arguments)
        if ended.returncode:
            raise ImageError(f"ctr {' '.join(arguments)[:80]} failed: {ended.stderr.strip()[-500:]}")
        return ended.stdout

    def _try(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*self._command(), *arguments], capture_output=True, text=True, check=False)

    def _command(self) -> list[str]:
        return ["ctr", "--address", str(self.socket), "--namespace", "k8s.io"]

    def _settings(self) -> dict[str, object]:
        return {
            "version": 2,
            "root": str(self.content),
            "state": str(self._directory / "containerd"),
            "grpc": {"address": str(self.socket)},
            "plugins": {
                "io.containerd.grpc.v1.cri": {
                    "sandbox_image": PAUSE,
                    # Else sandboxes fail with "can't get final child's PID from pipe: EOF".
                    "restrict_oom_score_adj": not _may_raise_limits(),
                    "netns_mounts_under_state_dir": True,
                    "stream_server_address": "127.0.0.1",
                    "cni": {
                        "bin_dir": str(CNI_DIRECTORY),
                        "conf_dir": str(self.network_configuration),
                    },
                    "containerd": {
                        "snapshotter": "overlayfs",
                        "default_runtime_name": "runc",
                        "runtimes": {
                            "runc": {
                                "runtime_type": "io.containerd.runc.v2",
                                "options": {"SystemdCgroup": False},
                            }
                        },
                    },
                }
            },
        }


def _may_raise_limits() -> bool:
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "CapEff":
            return bool(int(value, 16) >> _CAP_SYS_RESOURCE & 1)
    return False


def _toml(settings: dict[str, object], path: tuple[str, ...] = ()) -> str:
    """Return nested settings as TOML, whose strings, numbers and truth values are written as in JSON."""
    tables = {key: value for key, value in settings.items() if isinstance(value, dict)}
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items() if key not in tables]
    head = f"[{'.'.join(json.dumps(part) for part in path)}]\n" if path and lines else ""
    text = head + "".join(f"{line}\n" for line in lines)
    return text + "".join(_toml(table, (*path, key)) for key, table in tables.items())
