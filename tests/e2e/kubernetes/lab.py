"""The lab stack, on a real cluster."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from infra.stack_file import KEY
from tests.e2e.kubernetes.cluster import Cluster
from tests.e2e.stack import ROOT, Stack

STAND_IN = ROOT / "tests" / "standin" / "bin"
REAL_PLUGINS = "NEBULA_TEST_REAL_PLUGINS"
"""Set it where the engine can download the provider plugins: then they serve, not the stand-ins."""


def settings(cluster: Cluster, **changes: Any) -> dict[str, Any]:
    """Return the settings of the lab template for this cluster, with `changes`."""
    template = yaml.safe_load((ROOT / "stacks" / "Pulumi.lab.template.yaml").read_text())
    lab: dict[str, Any] = template["config"][KEY]
    kubernetes = {
        **lab["kubernetes"],
        "context": None,
        "kubeconfig": str(cluster.kubeconfig),
        "images": {"mirror": cluster.mirror},
        "api_ports": cluster.api_ports(),
    }
    return {**lab, "kubernetes": kubernetes, **changes}


class ClusterStack(Stack):
    """A stack on a Kubernetes cluster, in a namespace of its own."""

    def __init__(self, name: str, tmp: Path, settings: Mapping[str, Any]) -> None:
        super().__init__(name, tmp, settings, 0)
        self.namespace = f"nebula-{name}"

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        environment = super()._environment(variables)
        if not os.environ.get(REAL_PLUGINS):
            environment["PATH"] = f"{STAND_IN}{os.pathsep}{environment['PATH']}"
        return environment

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Write the stack file with `settings`. The salt of the passphrase in it stays."""
        self.settings = dict(settings)
        content = yaml.safe_load(self.stack_file.read_text()) if self.stack_file.exists() else {}
        self.stack_file.write_text(yaml.safe_dump({**content, "config": {KEY: self.settings}}))
