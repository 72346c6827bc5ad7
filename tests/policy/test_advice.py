"""What a violation advises, done with the real engine: it works, and the next preview has no violation."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from infra.engine import installation
from infra.engine.checkout import HERE
from infra.plugins.required import PACKAGES
from infra.plugins.standin import launcher
from infra.previews import snapshot
from infra.stack_file import KEY
from providers.local import paths
from tests.policy.conftest import PACK

pytestmark = pytest.mark.e2e
_WORDS = ("in-clear-1", "in-clear-2", "3141592653")
CATALOGS = {
    "archive": {
        "connector.name": "postgresql",
        "connection-url": "jdbc:postgresql://db.example:5432/archive",
        "connection-user": "reader",
        "connection-password": _WORDS[0],
    },
    "lake": {
        "connector.name": "iceberg",
        "iceberg.catalog.type": "rest",
        "iceberg.rest-catalog.uri": "https://catalog.example",
        "s3.aws-secret-key": _WORDS[1],
        "iceberg.rest-catalog.oauth2.token": _WORDS[2],
    },
}


def _pulumi(command: str, project: Path, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command of a shell, as a reader of the advice does."""
    return subprocess.run(
        ["sh", "-c", command],
        cwd=project,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    engine = installation.find(os.environ, paths.cache_directory())
    if engine is None:
        pytest.skip("there is no engine here: python -m infra.engine test-env builds one")
    state, standins = tmp_path / "state", tmp_path / "standins"
    state.mkdir()
    launcher.write(standins, PACKAGES)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "PYTHON"))}
    return kept | {
        "PATH": os.pathsep.join([str(standins), str(engine.executable.parent), kept.get("PATH", os.defpath)]),
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": state.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "of this test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "NEBULA_CHECKOUT": str(HERE.root),
    }


def test_the_advised_commands_leave_nothing_in_clear_and_a_stack_that_passes(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    checkout = snapshot.copy_working_tree(HERE.root, project)
    file = checkout.stack_file("lab")
    content = yaml.safe_load(file.read_text())
    content["config"][KEY]["trino"] = {"catalogs": CATALOGS}
    file.write_text(yaml.safe_dump(content))
    preview = f"pulumi preview --stack lab --non-interactive --policy-pack {PACK}"
    assert _pulumi("pulumi stack init lab", project, variables).returncode == 0

    refused = _pulumi(preview, project, variables)
    advised = re.findall(r"`(pulumi config set [^`]+)`", refused.stdout + refused.stderr)
    assert refused.returncode != 0
    assert len(set(advised)) == len(_WORDS), refused.stdout
    for command in dict.fromkeys(advised):
        done = _pulumi(f"{command} renewed-word --stack lab", project, variables)
        assert done.returncode == 0, done.stderr

    text = file.read_text()
    assert [word for word in (*_WORDS, "renewed-word") if word in text] == []
    assert text.count("secure:") == len(_WORDS)
    accepted = _pulumi(preview, project, variables)
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
