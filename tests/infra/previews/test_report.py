"""The report, on a project of two commits that the real engine previews."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.engine import installation
from infra.previews.__main__ import removed, reports
from infra.previews.document import MARKER, Report, document
from infra.previews.snapshot import SnapshotError
from providers.local import paths

pytestmark = pytest.mark.e2e
_PROGRAM = """
import os

import pulumi
import pulumi_kubernetes as kubernetes

options = pulumi.ResourceOptions(provider=kubernetes.Provider("cluster", kubeconfig="{}"))
bounds = {"cpu": "250m", "memory": "512Mi"}
pod = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "main",
            "image": "IMAGE",
            "resources": {"requests": bounds, "limits": bounds},
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
}
kubernetes.apps.v1.Deployment(
    "app",
    spec={"replicas": REPLICAS, "selector": {}, "template": {"spec": pod}},
    metadata={"annotations": {"made-at": os.getcwd()}},
    opts=options,
)
MORE
"""
_FILE = "config:\n  nebula:platform: {cloud: kubernetes, size: production}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository whose one commit is the base."""
    if installation.find(os.environ, paths.cache_directory()) is None:
        pytest.skip("there is no engine here: python -m infra.engine test-env builds one")
    (tmp_path / "stacks").mkdir()
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / ".gitignore").write_text(".venv\nstacks/Pulumi.*.yaml\n!stacks/*.template.yaml\n")
    (tmp_path / "Pulumi.yaml").write_text("name: app\nruntime: python\nstackConfigDir: stacks\n")
    (tmp_path / "stacks" / "Pulumi.lab.template.yaml").write_text(_FILE)
    (tmp_path / "stacks" / "Pulumi.lab.yaml").write_text("encryptionsalt: somebody's\n")
    _write(tmp_path)
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "base"]):
        _git(tmp_path, *command)
    return tmp_path


def _git(directory: Path, *arguments: str) -> None:
    who = ["-c", "user.name=test", "-c", "user.email=test@example.invalid"]
    subprocess.run(["git", *who, *arguments], cwd=directory, check=True)


def _write(project: Path, replicas: int = 1, image: str = "registry.example/app:1", more: str = "") -> None:
    text = _PROGRAM.replace("REPLICAS", str(replicas)).replace("IMAGE", image).replace("MORE", more)
    (project / "__main__.py").write_text(text)


def _row(text: str) -> str:
    return next(line for line in text.splitlines() if line.startswith("| **lab**"))


def _details(text: str) -> str:
    return text.partition("<summary>lab</summary>")[2]


def test_report_says_what_changes_against_the_base(project: Path) -> None:
    # A change that is not committed yet counts.
    more = 'kubernetes.core.v1.ConfigMap("settings", data={"a": "1"}, opts=options)'
    _write(project, replicas=3, image="registry.example/app", more=more)

    found = reports("main", (), source=project)
    text = document(found, "main")

    assert text.startswith(MARKER)
    assert _row(text) == (
        "| **lab** | 3 (+1, ~1) | ❌ 1 violated (+1) | – | 0.75 (+0.50) | 1.50 GiB (+1.00) |"
    )
    assert "+ kubernetes:core/v1:ConfigMap settings" in _details(text)
    assert (
        "~ kubernetes:apps/v1:Deployment app: spec.replicas, spec.template.spec.containers[0].image"
        in _details(text)
    )
    assert "| `images-pinned` | mandatory | 1 (+1) |" in _details(text)
    assert found[0].failed
    assert (project / "stacks" / "Pulumi.lab.yaml").read_text() == "encryptionsalt: somebody's\n"


def test_nothing_changes_in_an_unchanged_checkout(project: Path) -> None:
    found: list[Report] = reports("main", (), source=project)
    text = document(found, "main")

    assert found[0].changes == []
    assert _row(text) == "| **lab** | 2 | ✅ | – | 0.25 | 0.50 GiB |"
    assert "<details>" not in text
    assert not found[0].failed


def test_stack_that_cannot_be_previewed_is_reported_with_its_error(project: Path) -> None:
    _write(project, more='raise pulumi.RunError("the region is missing")')

    found = reports("main", (), source=project)
    text = document(found, "main")

    assert found[0].failed
    assert _row(text) == "| **lab** | preview failed | – | – | – | – |"
    assert "the region is missing" in _details(text)


def test_a_stack_that_the_base_lacks_is_new_and_one_that_only_it_has_is_removed(project: Path) -> None:
    (project / "stacks" / "Pulumi.lab.template.yaml").rename(project / "stacks" / "Pulumi.dev.template.yaml")
    (project / "stacks" / "Pulumi.lab.yaml").unlink()

    found = reports("main", (), source=project)

    assert [(each.head.stack, each.head.code, each.base) for each in found] == [("dev", 0, None)]
    assert "| **dev** | 2 (new) | ✅ | – | 0.25 | 0.50 GiB |" in document(found, "main")
    assert removed("main", (), project) == ["lab"]
    assert removed("main", ("dev",), project) == []


def test_a_base_that_is_not_there_is_named_with_what_to_do(project: Path) -> None:
    with pytest.raises(SnapshotError, match="git fetch origin main"):
        reports("no-such-ref", (), source=project)
