"""The real engine refuses a wrong configuration at preview, with the line to correct."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.stack import Stack

_LIGHT = {"components": {"kafka": False}}


@pytest.fixture(scope="module")
def stack(scratch_directory: Path, port_offset: int) -> Iterator[Stack]:
    stack = Stack("config", scratch_directory, _LIGHT, port_offset)  # nothing of it will run
    yield stack
    stack.remove()


@pytest.mark.parametrize(
    ("settings", "line", "messages"),
    [
        ({"demmo": True}, "demmo: true", ["nebula:platform.demmo", "did you mean demo?"]),
        (
            {"topics": [{"name": "a", "partitions": "six"}]},
            "partitions: six",
            ["nebula:platform.topics[0].partitions", '"six"'],
        ),
        ({"components": {"kafak": True}}, "kafak: true", ["components.kafak", "did you mean kafka?"]),
        ({"components": {"postgres": False}}, "postgres: false", ["needs postgres, which is off"]),
        ({"buckets": ["Not_A_Bucket"]}, "- Not_A_Bucket", ["buckets[0]", "not a valid name"]),
    ],
    ids=["typo", "wrong type", "unknown component", "dependency off", "invalid name"],
)
def test_a_wrong_setting_is_refused_with_its_line(
    stack: Stack, settings: Mapping[str, Any], line: str, messages: list[str]
) -> None:
    stack.configure(settings)
    text = stack.stack_file.read_text().splitlines()
    number = next(index for index, content in enumerate(text, 1) if content.strip() == line)
    result = stack.preview(check=False)
    assert result.returncode != 0
    for message in [*messages, f"stacks/Pulumi.config.yaml, line {number}:"]:
        assert message in result.output
    assert "Traceback" not in result.output
    assert not stack.directory.exists()


def test_a_setting_outside_the_platform_is_refused(stack: Stack) -> None:
    stack.configure(_LIGHT)
    stack.ask("config", "set", "nebula:demo", "true", "--stack", stack.name)
    result = stack.preview(check=False)
    assert result.returncode != 0
    assert "nebula:demo is not a setting of Nebula; all are below nebula:platform" in result.output


def test_an_unknown_stack_is_refused_with_those_that_exist(stack: Stack) -> None:
    asked = subprocess.run(
        [sys.executable, "-m", "infra.engine", "preview", "--stack", "lokal"],
        cwd=stack.checkout.root,
        env=stack.environment | {"PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode != 0
    assert "lokal" in asked.stderr
    assert f"The stacks are: {', '.join(sorted(_stacks(stack.checkout.root)))}." in asked.stderr
    assert "Traceback" not in asked.stderr


def _stacks(checkout: Path) -> set[str]:
    """Return the names of the stacks that have a stack file or a template for one."""
    return {path.name.split(".")[1] for path in (checkout / "stacks").glob("Pulumi.*.yaml")}
