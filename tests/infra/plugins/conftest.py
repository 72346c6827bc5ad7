"""A small project of a cloud, run by the real engine, which reaches no server of plugins but the test's
own."""

import os
import shlex
import sys
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.plugins.required import Plugin, required
from infra.stack_file import KEY
from tests.infra.engine.cloud_project import write
from tests.infra.engine.conftest import ROOT, Project, checkout, project

__all__ = ["checkout", "project"]
OVERRIDES = "PULUMI_PLUGIN_DOWNLOAD_URL_OVERRIDES"
NOWHERE = "^github://=http://127.0.0.1:9/plugins"
"""Nothing listens on the port: each attempt of a download is refused at once."""
RANDOM = next(plugin for plugin in required({"cloud": "gcp"}) if plugin.name == "random")
_PROGRAM = """
import pulumi_random as random

random.RandomPassword("it", length=20)
"""
_PLUGIN = """\
#!/bin/sh
PYTHONPATH={root}
export PYTHONPATH
exec {python} -P -u -m tests.standin random "$@"
"""


@pytest.fixture
def cloud(project: Project) -> Project:
    """A project whose stack is on Google Cloud by its file, and whose program wants a random password."""
    template = yaml.safe_load((ROOT / "stacks" / "Pulumi.gcp-dev.template.yaml").read_text())
    write(project, "local", template["config"][KEY])
    project.program(_PROGRAM)
    project.environment[OVERRIDES] = NOWHERE
    return project


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A directory with the plugin of `random` as its publisher packs it, which really makes passwords."""
    directory = tmp_path / "packed"
    directory.mkdir()
    file = directory / "pulumi-resource-random"
    root, python = shlex.quote(str(ROOT)), shlex.quote(sys.executable)
    file.write_text(_PLUGIN.format(root=root, python=python))
    file.chmod(0o755)
    return directory


@pytest.fixture
def archive(plugin: Path, tmp_path: Path) -> Path:
    """That plugin's archive, named as the engine asks a mirror for it."""
    served = tmp_path / "served"
    served.mkdir()
    with tarfile.open(served / RANDOM.archive, "w:gz") as tar:
        tar.add(plugin / "pulumi-resource-random", "pulumi-resource-random")
    return served / RANDOM.archive


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing of a request."""


@pytest.fixture
def mirror(archive: Path) -> Iterator[str]:
    """The address of a server that has the archive and nothing else."""
    handler = partial(_Quiet, directory=str(archive.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def with_first(directory: Path, environment: dict[str, str]) -> dict[str, str]:
    """`environment` with `directory` as the first of its PATH."""
    return {**environment, "PATH": f"{directory}{os.pathsep}{environment['PATH']}"}


def installed(project: Project, plugin: Plugin = RANDOM) -> Path:
    """Where the engine keeps the plugin for this project."""
    return project.checkout.home / "plugins" / plugin.directory
