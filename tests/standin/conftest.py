"""The fixtures of this folder: a real API server with its controllers, and the real engine with the stand-ins
on its PATH."""

import json
import os
import re
import secrets
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pulumi import automation

from infra.engine.session import open_engine
from providers.local.plugin.engine_client import EngineClient
from tests.standin.cluster import Cluster, Manifest, Reference
from tests.standin.objects import Objects
from tests.standin.programs import VARIABLE
from tests.testbed.control_plane import ControlPlane
from tests.testbed.errors import NotBuiltError

BINARIES = Path(__file__).parent / "bin"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    plane = ControlPlane(tmp_path_factory.mktemp("standin") / "kubernetes", controllers=True)
    try:
        plane.start()
    except NotBuiltError as error:
        pytest.skip(str(error))
    yield plane
    plane.stop()


@pytest.fixture(scope="session")
def cluster(control_plane: ControlPlane) -> Cluster:
    return Cluster(str(control_plane.kubeconfig))


class Listener(EngineClient):
    """An engine that records the plugin's messages."""

    def __init__(self) -> None:
        super().__init__()
        self.warnings: list[str] = []
        self.statuses: list[str] = []

    def warn(self, urn: str, message: str) -> None:
        self.warnings.append(message)

    def show_status(self, urn: str, message: str, every: float = 1.0) -> None:
        self.statuses.append(message)


@pytest.fixture
def engine() -> Listener:
    return Listener()


@pytest.fixture
def objects(cluster: Cluster, engine: Listener) -> Objects:
    return Objects(cluster, engine)


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """Provide a namespace that only this test uses."""
    name = f"test-{secrets.token_hex(4)}"
    cluster.apply(manifest("v1", "Namespace", name, ""), "tests", force=False, dry_run=False)
    yield name
    cluster.delete(Reference("v1", "Namespace", "", name), "Background")


def manifest(api_version: str, kind: str, name: str, namespace: str, **content: Any) -> Manifest:
    """Return a manifest. `annotations` and `labels` go into its metadata."""
    metadata: dict[str, Any] = {"name": name}
    metadata |= {key: content.pop(key) for key in ("annotations", "labels") if key in content}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


class Stack:
    """A stack of the real engine with its own backend. Its programs are those of `programs.py`."""

    def __init__(self, name: str, directory: Path, kubeconfig: str) -> None:
        self.kubeconfig = kubeconfig
        self.state = directory / "state"
        engine, work = open_engine(os.environ).executable, directory / "program"
        for path in (self.state, work):
            path.mkdir()
        (work / "Pulumi.yaml").write_text("name: standin\nruntime: python\n")
        (work / "__main__.py").write_text("from tests.standin import programs\n\nprograms.run()\n")
        self.variables = {
            "PATH": os.pathsep.join([str(BINARIES), str(engine.parent), os.environ["PATH"]]),
            "PYTHONPATH": str(ROOT),
            "PULUMI_BACKEND_URL": self.state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": secrets.token_hex(16),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "NEBULA_CHECKOUT": str(ROOT),
            "NEBULA_PYTHON": sys.executable,
        }
        self._stack = automation.create_stack(
            name,
            work_dir=str(work),
            opts=automation.LocalWorkspaceOptions(
                pulumi_home=str(directory / "home"),
                env_vars=self.variables,
                pulumi_command=automation.PulumiCommand(root=str(engine.parent.parent)),
            ),
        )

    def up(self, program: str, **arguments: Any) -> automation.UpResult:
        self._run(program, arguments)
        return self._stack.up(color="never")

    def preview(self, program: str, **arguments: Any) -> automation.PreviewResult:
        self._run(program, arguments)
        return self._stack.preview(color="never", diff=True)

    def refresh(self) -> automation.RefreshResult:
        return self._stack.refresh(color="never")

    def destroy(self) -> automation.DestroyResult:
        return self._stack.destroy(color="never")

    def resources(self) -> dict[str, Any]:
        """Return the resources in the state, by name."""
        deployment = self._stack.export_stack().deployment or {}
        return {row["urn"].rpartition("::")[2]: row for row in deployment.get("resources", [])}

    def _run(self, program: str, arguments: dict[str, Any]) -> None:
        wanted = {"name": program, "arguments": arguments, "kubeconfig": self.kubeconfig}
        self.variables[VARIABLE] = json.dumps(wanted)


@pytest.fixture
def stack(
    control_plane: ControlPlane,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Stack]:
    # The Automation API's logs: a test that is killed would leave them in /tmp.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    name = re.sub(r"\W+", "-", request.node.name)[:40]
    made = Stack(name, tmp_path, control_plane.kubeconfig.read_text())
    yield made
    made.destroy()
