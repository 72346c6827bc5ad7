"""A real API server with its controllers, and the real engine with the stand-ins on its PATH."""

import os
import secrets
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from pulumi import automation

from infra.engine.session import open_engine
from providers.local.plugin.engine import Engine
from tests.standin.cluster import Cluster, Manifest, Reference
from tests.standin.objects import Objects
from tests.testbed.control_plane import ControlPlane
from tests.testbed.errors import NotBuiltError

BINARIES = Path(__file__).parent / "bin"
Program = Callable[[pulumi.ResourceOptions], None]


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


class Listener(Engine):
    """An engine that keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.warnings: list[str] = []
        self.statuses: list[str] = []

    def warn(self, urn: str, message: str) -> None:
        self.warnings.append(message)

    def status(self, urn: str, message: str, every: float = 1.0) -> None:
        self.statuses.append(message)


@pytest.fixture
def engine() -> Listener:
    return Listener()


@pytest.fixture
def objects(cluster: Cluster, engine: Listener) -> Objects:
    return Objects(cluster, engine)


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of the test's own."""
    name = f"test-{secrets.token_hex(4)}"
    cluster.apply(manifest("v1", "Namespace", name, ""), "tests", force=False, dry_run=False)
    yield name
    cluster.delete(Reference("v1", "Namespace", "", name), "Background")


def manifest(api_version: str, kind: str, name: str, namespace: str, **content: Any) -> Manifest:
    """A manifest; `annotations` go into its metadata."""
    metadata = {"name": name, "annotations": content.pop("annotations", {})}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


class Stack:
    """A stack of the real engine. Its program gets the options that carry the explicit provider."""

    def __init__(self, name: str, directory: Path, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig
        self.state = directory / "state"
        self.state.mkdir()
        self._program: Program = lambda options: None
        executable = open_engine(os.environ).executable
        environment = {
            "PATH": os.pathsep.join([str(BINARIES), str(executable.parent), os.environ["PATH"]]),
            "PULUMI_BACKEND_URL": self.state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "of a test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "NEBULA_PYTHON": sys.executable,
        }
        self._stack = automation.create_stack(
            name,
            project_name="standin",
            program=self._run,
            opts=automation.LocalWorkspaceOptions(
                pulumi_home=str(directory / "home"),
                env_vars=environment,
                pulumi_command=automation.PulumiCommand(root=str(executable.parent.parent)),
            ),
        )

    def _run(self) -> None:
        provider = kubernetes.Provider(
            "cluster",
            kubeconfig=self._kubeconfig.read_text(),
            enable_config_map_mutable=True,
        )
        self._program(pulumi.ResourceOptions(provider=provider))

    def up(self, program: Program) -> automation.UpResult:
        self._program = program
        return self._stack.up(color="never")

    def preview(self, program: Program) -> automation.PreviewResult:
        self._program = program
        return self._stack.preview(color="never", diff=True)

    def refresh(self) -> automation.RefreshResult:
        return self._stack.refresh(color="never")

    def destroy(self) -> automation.DestroyResult:
        return self._stack.destroy(color="never")

    def resources(self) -> dict[str, Any]:
        """The resources in the state, by name."""
        deployment = self._stack.export_stack().deployment or {}
        return {row["urn"].rpartition("::")[2]: row for row in deployment.get("resources", [])}

    def setenv(self, name: str, value: str) -> None:
        self._stack.workspace.env_vars = {**self._stack.workspace.env_vars, name: value}


@pytest.fixture
def stack(control_plane: ControlPlane, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stack]:
    made = Stack(request.node.name.replace("_", "-")[:60], tmp_path, control_plane.kubeconfig)
    yield made
    made.destroy()
