"""A small project in a path with a space, run by the real engine where there is one."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from infra.engine import installation
from infra.engine.checkout import Checkout
from providers.local import paths

ROOT = Path(__file__).resolve().parents[3]
_DRIVER = (
    "import sys; from pathlib import Path; from infra.engine.checkout import Checkout; "
    "from infra.engine.commands import main; "
    "sys.exit(main(sys.argv[1], 'local', Checkout(Path(sys.argv[2]))))"
)
_PROJECT = f"""\
name: nebula
runtime: python
main: infra
stackConfigDir: stacks
plugins:
  providers:
    - name: slow
      path: {ROOT / "tests/infra/engine/slow"}
"""
_TEMPLATE = """\
# The template.
config:
  nebula:platform:
    cloud: local
    local:
      directory: "{directory}"
"""


def make_checkout(root: Path) -> Checkout:
    """A clone as far as stack files go. Its path may hold a space, which that of a stack may not."""
    checkout = Checkout(root)
    checkout.stacks.mkdir(parents=True)
    template = checkout.stacks / "Pulumi.local.template.yaml"
    template.write_text(_TEMPLATE.format(directory=root.parent / "stack"))
    return checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return make_checkout(tmp_path / "a clone")


@dataclass
class Project:
    """A project that the commands of `python -m infra.engine` act on."""

    checkout: Checkout
    environment: dict[str, str] = field(default_factory=dict)

    def program(self, source: str) -> None:
        (self.checkout.root / "infra" / "__main__.py").write_text(textwrap.dedent(source))

    def start(self, command: str) -> subprocess.Popen[str]:
        """Start a command; its output, stderr too, is in `stdout`."""
        return subprocess.Popen(
            [sys.executable, "-c", _DRIVER, command, str(self.checkout.root)],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: str) -> "Outcome":
        process = self.start(command)
        output, _ = process.communicate()
        return Outcome(process.returncode, output)


@dataclass(frozen=True)
class Outcome:
    code: int
    output: str


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` without a login or settings of the engine's."""
    return {name: value for name, value in environment.items() if not name.startswith("PULUMI_")}


@pytest.fixture
def project(checkout: Checkout, tmp_path: Path) -> Project:
    if installation.find(os.environ, paths.cache_directory()) is None:
        pytest.skip("needs the Pulumi engine: make test builds it")
    (checkout.root / "infra").mkdir()
    (checkout.root / "Pulumi.yaml").write_text(_PROJECT)
    environment = clean_environment(os.environ) | {
        "NEBULA_CHECKOUT": str(ROOT),
        "NEBULA_PYTHON": sys.executable,
        "PULUMI_HOME": str(tmp_path / "no login"),
    }
    return Project(checkout, environment)


@pytest.fixture
def wait_for() -> Callable[[Callable[[], bool], subprocess.Popen[str]], None]:
    """Waits for a condition, or until the process that should bring it about has ended."""

    def wait(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
        while not condition():
            try:
                process.wait(timeout=0.05)
            except subprocess.TimeoutExpired:
                continue
            pytest.fail(f"ended with {process.returncode}: {process.stdout and process.stdout.read()}")

    return wait
