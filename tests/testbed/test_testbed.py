"""The whole testbed gives pods what a cluster does, and leaves nothing on the machine.

The tests depend on one another, in their order: one testbed serves them all.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.software import POSTGRES
from components.software.images import reference
from providers.local.paths import cache_directory
from providers.local.plugin import os_processes
from tests.testbed import network, packages
from tests.testbed.binaries import PROGRAMS, missing
from tests.testbed.errors import HostError
from tests.testbed.images.software import MIRROR
from tests.testbed.testbed import Testbed

_SECONDS = "--timeout=120s"
_KERNEL = (
    "kernel/panic",
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/accept_redirects",
    "vm/overcommit_memory",
)
_SHARED = ("/etc/cni", "/run", "/run/netns", "/var/lib", "/var/log", str(Path.home() / ".kube"))


@dataclass(frozen=True)
class Traces:
    """The things that a node could leave on this machine."""

    mounts: frozenset[str]
    interfaces: frozenset[str]
    rules: frozenset[str]
    control_groups: frozenset[str]
    files: frozenset[str]
    kernel: frozenset[str]

    @classmethod
    def take(cls) -> "Traces":
        saved = [_printed("iptables-save"), _printed("ip6tables-save"), _printed("nft", "list", "tables")]
        return cls(
            mounts=frozenset(Path("/proc/self/mounts").read_text().splitlines()),
            interfaces=frozenset(os.listdir("/sys/class/net")),
            rules=frozenset(line for text in saved for line in text.splitlines() if line[:1] not in "#:"),
            control_groups=frozenset(
                str(path) for path in Path("/sys/fs/cgroup").glob("*/*") if path.is_dir()
            ),
            files=frozenset(f"{place}/{name}" for place in _SHARED for name in _names(place)),
            kernel=frozenset(f"{name} {Path('/proc/sys', name).read_text().strip()}" for name in _KERNEL),
        )

    def since(self, before: "Traces") -> dict[str, list[str]]:
        """Return what was added since `before`, and the packet filter rules that are missing. Other things
        may have been removed by other programs."""
        found = {
            field.name: getattr(self, field.name) - getattr(before, field.name) for field in fields(self)
        }
        found["lost rules"] = before.rules - self.rules
        return {name: sorted(values) for name, values in found.items() if values}


def _names(place: str) -> list[str]:
    return os.listdir(place) if Path(place).is_dir() else []


def _printed(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    """Record the machine before the testbed starts. Tests are skipped, with the reason, on a machine that
    cannot run it."""
    if os.geteuid() != 0:
        pytest.skip("the testbed needs root")
    if packages.missing() or missing(PROGRAMS, cache_directory()):
        pytest.skip("the testbed is not built: python -m tests.testbed build")
    if (other := network.owner()) is not None:
        pytest.skip(f"a testbed is up in {other}, and there can be one at a time")
    tmp_path_factory.getbasetemp()
    return Traces.take()


@pytest.fixture(scope="module")
def testbed(before: Traces, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testbed]:
    testbed = Testbed(tmp_path_factory.mktemp("node") / "testbed")
    try:
        testbed.up(print, ["postgres"])
        yield testbed
    finally:
        testbed.down(print)


def _apply(testbed: Testbed, *manifests: dict[str, Any]) -> None:
    file = testbed.directory / "manifests.yaml"
    file.write_text(yaml.safe_dump_all(manifests))
    testbed.kubectl("apply", "--server-side", f"--filename={file}")


def _postgres() -> list[dict[str, Any]]:
    """Return a database as a platform runs it under Pod Security `restricted`, with its claim and service."""
    container = {
        "image": reference(POSTGRES.image, MIRROR),
        "imagePullPolicy": "IfNotPresent",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "tmp", "mountPath": "/tmp"}],
    }
    initdb = ["initdb", "--pgdata=/data/pg", "--username=postgres", "--auth=trust"]
    server = ["postgres", "-D", "/data/pg", "-c", "listen_addresses=*", "-c", "unix_socket_directories=/tmp"]
    probe = {"tcpSocket": {"port": 5432}, "periodSeconds": 1}
    user = POSTGRES.image.user
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": "db", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data", "namespace": "db"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "postgres", "namespace": "db"},
            "spec": {"selector": {"app": "postgres"}, "ports": [{"port": 5432}]},
        },
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "postgres", "namespace": "db", "labels": {"app": "postgres"}},
            "spec": {
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": user,
                    "fsGroup": user,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "initContainers": [{"name": "initdb", "command": initdb, **container}],
                "containers": [{"name": "postgres", "command": server, "readinessProbe": probe, **container}],
                "volumes": [
                    {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
                    {"name": "tmp", "emptyDir": {}},
                ],
            },
        },
    ]


def _client(name: str) -> dict[str, Any]:
    """Return a pod that does nothing, from which tests connect to the database."""
    (pod,) = (manifest for manifest in _postgres() if manifest["kind"] == "Pod")
    (container,) = pod["spec"]["containers"]
    idle = {
        "command": ["sleep", "infinity"],
        "volumeMounts": [],
        "readinessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 1},
    }
    spec = {**pod["spec"], "initContainers": [], "volumes": [], "containers": [{**container, **idle}]}
    spec["terminationGracePeriodSeconds"] = 0
    metadata = {"name": name, "namespace": "db", "labels": {"app": name}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _policy(name: str, pod: str, **directions: object) -> dict[str, Any]:
    spec = {"podSelector": {"matchLabels": {"app": pod}}, **directions}
    metadata = {"name": name, "namespace": "db"}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": spec,
    }


def _in_pod(testbed: Testbed, script: str, pod: str = "postgres") -> str:
    return testbed.kubectl("exec", "--namespace=db", pod, "--", "bash", "-c", script)


def _settles(testbed: Testbed, pod: str, reached: bool) -> bool:
    """Return whether the database becomes reachable (`reached`) or unreachable from `pod` within some
    seconds."""
    attempt = "timeout 1 bash -c 'exec 3<>/dev/tcp/postgres/5432'"
    until = "until" if reached else "while"
    script = f"SECONDS=0; {until} {attempt}; do [ $SECONDS -lt 30 ] || exit 1; done 2>/dev/null; echo yes"
    return _in_pod(testbed, f"{script} || true", pod) == "yes\n"


def test_a_pod_of_our_image_runs_unprivileged_on_a_bound_claim(testbed: Testbed) -> None:
    _apply(testbed, *_postgres())
    testbed.kubectl("wait", "--namespace=db", "--for=condition=Ready", "pod/postgres", _SECONDS)
    claim = testbed.kubectl("get", "--namespace=db", "pvc/data", "--output=jsonpath={.status.phase}")
    assert claim == "Bound"
    assert f"uid={POSTGRES.image.user}(postgres)" in _in_pod(testbed, "id")


def test_a_service_answers_by_its_name(testbed: Testbed) -> None:
    assert _in_pod(testbed, "exec 3<>/dev/tcp/postgres.db.svc/5432 && echo reached") == "reached\n"


def test_the_api_server_answers_inside(testbed: Testbed) -> None:
    assert _in_pod(testbed, "exec 3<>/dev/tcp/kubernetes.default/443 && echo reached") == "reached\n"


def test_a_name_outside_the_cluster_does_not_exist(testbed: Testbed) -> None:
    assert _in_pod(testbed, "getent hosts example.org || echo unknown") == "unknown\n"


def test_a_network_policy_lets_through_what_it_says_and_nothing_else(testbed: Testbed) -> None:
    _apply(testbed, _client("friend"), _client("stranger"))
    testbed.kubectl("wait", "--namespace=db", "--for=condition=Ready", "pod/friend", "pod/stranger", _SECONDS)
    assert _settles(testbed, "friend", reached=True)
    assert _settles(testbed, "stranger", reached=True)
    friend = {"podSelector": {"matchLabels": {"app": "friend"}}}
    port = {"protocol": "TCP", "port": 5432}
    _apply(testbed, _policy("database", "postgres", ingress=[{"from": [friend], "ports": [port]}]))
    assert _settles(testbed, "stranger", reached=False)
    assert _settles(testbed, "friend", reached=True)
    _apply(testbed, _policy("friend", "friend", policyTypes=["Egress"]))
    assert _settles(testbed, "friend", reached=False)
    testbed.kubectl("delete", "--namespace=db", "networkpolicy", "--all")
    assert _settles(testbed, "friend", reached=True)
    assert _settles(testbed, "stranger", reached=True)


def test_a_deleted_claim_takes_its_files_with_it(testbed: Testbed) -> None:
    volumes = testbed.directory / "volumes"
    assert list(volumes.glob("*/pg/PG_VERSION"))
    volume = testbed.kubectl("get", "pv", "--output=name").strip()
    testbed.kubectl("delete", "namespace", "db", _SECONDS)
    testbed.kubectl("wait", "--for=delete", volume, _SECONDS)
    assert list(volumes.iterdir()) == []


def test_a_second_up_changes_nothing(testbed: Testbed) -> None:
    running, lines = testbed.processes(), list[str]()
    testbed.up(lines.append, ["postgres"])
    assert lines == [f"the testbed is up: {testbed.kubeconfig}"]
    assert testbed.processes() == running


def test_a_second_testbed_is_refused(testbed: Testbed, tmp_path: Path) -> None:
    with pytest.raises(HostError, match=f"Another testbed is on this machine, in {testbed.directory}"):
        Testbed(tmp_path / "second").up(print)
    assert testbed.running()


def test_it_comes_up_again_after_everything_of_it_was_killed(testbed: Testbed) -> None:
    for pid in testbed.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert not testbed.running()
    assert any(line.startswith("mount") for line in testbed.left())
    testbed.up(print, ["postgres"])
    assert testbed.running()
    testbed.kubectl("wait", "--for=condition=Ready", "nodes", "--all", _SECONDS)


def test_down_leaves_nothing(testbed: Testbed, before: Traces) -> None:
    servers = {identity for pid in testbed.processes() if (identity := os_processes.process_identity(pid))}
    testbed.down(print)
    assert [server for server in servers if server.is_alive()] == []
    assert testbed.left() == []
    assert Traces.take().since(before) == {}


def test_down_of_what_was_killed_leaves_nothing_either(testbed: Testbed, before: Traces) -> None:
    testbed.up(print, ["postgres"])
    for pid in testbed.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    testbed.down(print)
    assert testbed.left() == []
    assert Traces.take().since(before) == {}
