"""Runs small Pulumi programs with the same engine and language host as the platform."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.stack import ROOT, Stack

_STACK = "bench"


class Project:
    """A Pulumi project in `directory`, with the engine and backend of the stack `beside`."""

    def __init__(
        self, directory: Path, name: str, program: str, beside: Stack, provider: bool = False
    ) -> None:
        directory.mkdir()
        self._directory = directory
        # The engine's wrapper looks for the language host in this checkout.
        self._environment = beside.environment | {"NEBULA_CHECKOUT": str(ROOT)}
        options = {"virtualenv": str(ROOT / ".venv")}
        project = {"name": name, "runtime": {"name": "python", "options": options}}
        if provider:
            plugin = {"name": "nebula-local", "path": str(ROOT / "providers" / "local" / "plugin")}
            project["plugins"] = {"providers": [plugin]}
        (directory / "Pulumi.yaml").write_text(json.dumps(project))  # JSON is YAML
        (directory / "__main__.py").write_text(program)
        self.run("stack", "init", _STACK)

    def run(self, *arguments: str, variables: Mapping[str, str] | None = None) -> None:
        """Run the engine, which must succeed."""
        answer = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self._directory,
            env={**self._environment, **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert answer.returncode == 0, answer.stdout
