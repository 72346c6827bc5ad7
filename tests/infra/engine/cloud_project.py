"""A project with a stack of a cloud, for the command lines that look after one."""

import os
from collections.abc import Mapping

import pytest
import yaml

from tests.infra.engine.conftest import Project


def write(project: Project, stack: str, platform: Mapping[str, object]) -> None:
    """The file of `stack`, with `platform` as its `nebula:platform`."""
    project.checkout.stack_file(stack).write_text(
        yaml.safe_dump({"config": {"nebula:platform": {**platform}}}, sort_keys=False)
    )


def stack_says(project: Project, stack: str) -> Mapping[str, object]:
    """`nebula:platform` of its file."""
    found = yaml.safe_load(project.checkout.stack_file(stack).read_text())
    platform: Mapping[str, object] = found["config"]["nebula:platform"]
    return platform


def enter(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give this process the project's environment, for commands that run in it."""
    for name in os.environ.keys() - project.environment.keys():
        monkeypatch.delenv(name)
    for name, value in project.environment.items():
        monkeypatch.setenv(name, value)
