"""A new component takes four files by hand: its module with its declaration, its row in the software table,
its row in `infra/lakehouse.py`, and its test. Everything else is folded from the declaration.

A copy of the program gets a toy component that way, and runs for real against mocks on every cloud."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "e2e", "node_modules")

_COMPONENT = '''\
"""A toy: Redis under another name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components.base import Address, Endpoint, Readiness, Tcp, Volume, Workload
from components.declaration import Declaration, WorkloadDeclaration
from components.foundation import Foundation
from components.sizing import WorkloadSize
from components.software.table import TOY

DECLARATION = Declaration(
    name="toy",
    workloads={
        "toy": WorkloadDeclaration(
            sizes={
                "laptop": WorkloadSize(cpu=0.5, memory=128, volume=1),
                "small": WorkloadSize(cpu=1, memory=256, volume=2),
                "production": WorkloadSize(cpu=1, memory=512, volume=4),
            },
            ports={"toy": 26380},
        ),
    },
    software=(TOY,),
    buckets=("toys",),
    exposable=True,
)


@dataclass(frozen=True, kw_only=True)
class ToyEndpoint(Endpoint):
    """A toy."""

    address: Address

    @property
    def public(self) -> Mapping[str, Any]:
        return {"url": self.address.outside.url("toy")}


class Toy(pulumi.ComponentResource):
    endpoint: ToyEndpoint

    def __init__(self, name: str, foundation: Foundation) -> None:
        super().__init__("nebula:components:Toy", name, {})
        size = foundation.sizing["toy"]
        server = foundation.cluster.run(
            Workload(
                name=name,
                software=TOY,
                command=("toy",),
                ports={"toy": 6379},
                volume=Volume(size.volume),
                readiness=Readiness(Tcp("toy")),
                resources=size.resources,
            ),
            self,
        )
        self.endpoint = ToyEndpoint(
            component=name, workloads=(name,), depends_on=(server.resource,), address=server.addresses["toy"]
        )
        self.register_outputs({"url": self.endpoint.address.outside.url("toy")})
'''

_TEST = """\
import json
import sys
from infra.declared import BUCKETS, LOCAL_PORTS
from infra.images import images
from infra.settings import Settings, json_schema
from tests.infra import aws_stack, gcp_stack, kubernetes_stack, local_stack

runs = {
    "local": lambda: local_stack.run(),
    "kubernetes": lambda: kubernetes_stack.run(),
    "aws": lambda: aws_stack.run("aws-dev"),
    "gcp": lambda: gcp_stack.run("gcp-dev"),
}
settings = Settings.model_validate_json(json.dumps({"cloud": "local"}))
sized = Settings.model_validate_json(json.dumps({"cloud": "local", "sizing": {"toy": {"memory": 200}}}))
off = Settings.model_validate_json(json.dumps({"cloud": "local", "components": {"toy": False}}))
stacks = {cloud: run() for cloud, run in runs.items()}
definitions = json_schema()["$defs"]
exposable = json_schema()["properties"]["config"]["properties"]["nebula:platform"]["properties"]["expose"]
print(json.dumps({
    "switch": "toy" in definitions["Components"]["properties"],
    "exposable": "toy" in exposable["propertyNames"]["enum"],
    "port": LOCAL_PORTS.port("toy", "toy", 0),
    "memory": sized.workload_sizes["toy"].memory,
    "bucket": "toys" in BUCKETS,
    "image": "redis:toy" in [image.reference for image in images(settings)],
    "off": "toy" in off.on,
    "outputs": {cloud: stack.outputs["endpoints"]["toy"]["url"] for cloud, stack in stacks.items()},
    "resources": {
        cloud: sorted({r.type for r in stack.resources.values() if r.name == "toy" and ":Toy" not in r.type})
        for cloud, stack in stacks.items()
    },
}))
"""


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, f"{path}: {old}"
    path.write_text(text.replace(old, new))


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("toy") / "nebula"
    for folder in ("apps", "components", "infra", "providers", "stacks", "tests"):
        shutil.copytree(_ROOT / folder, root / folder, ignore=_LEFT_OUT)
    for file in ("Pulumi.yaml", "pyproject.toml", "requirements.txt", "requirements.lock"):
        shutil.copy(_ROOT / file, root / file)
    return root


def _add_toy(root: Path) -> list[Path]:
    """Adds the component, and returns every file that was written by hand."""
    component, test = root / "components" / "toy.py", root / "tests" / "toy.py"
    table, rows = root / "components" / "software" / "table.py", root / "infra" / "lakehouse.py"
    component.write_text(_COMPONENT)
    test.write_text(_TEST)
    _replace(
        table,
        "TABLE: Mapping[str, Software] =",
        'TOY = replace(REDIS, name="toy", image=Image("redis:toy", user=999, home="/usr/local"), '
        'executables={"toy": REDIS.executables["redis-server"]})\n\nTABLE: Mapping[str, Software] =',
    )
    _replace(table, "            REDIS,\n", "            REDIS,\n            TOY,\n")
    imported = "from types import MappingProxyType\n"
    _replace(table, imported, f"from dataclasses import replace\n{imported}")
    _replace(
        rows,
        "    Row(redis.DECLARATION, _redis),\n",
        (
            "    Row(redis.DECLARATION, _redis),\n"
            '    Row(toy.DECLARATION, lambda to: toy.Toy("toy", to.foundation).endpoint),\n'
        ),
    )
    _replace(rows, "    spark,\n    trino,\n)", "    spark,\n    toy,\n    trino,\n)")
    return [component, test, table, rows]


def test_a_component_takes_four_files_by_hand_and_runs_on_every_cloud(copy: Path) -> None:
    by_hand = _add_toy(copy)
    assert len(by_hand) <= 4
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.toy"],
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    known = json.loads(found.stdout)
    assert known["switch"]
    assert known["exposable"]
    assert known["bucket"]
    assert known["image"]
    assert not known["off"]
    assert known["port"] == 26380
    assert known["memory"] == 200
    assert known["outputs"]["local"] == "toy://127.0.0.1:26380"
    assert all(url.startswith("toy://") for url in known["outputs"].values())
    assert known["resources"]["local"] == ["nebula-local:index:Artifact", "nebula-local:index:Process"]
    assert all(known["resources"].values())
