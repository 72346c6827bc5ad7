"""`fresh.<step>`: the steps of `make up` on a machine where Nebula was never run."""

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from rich.console import Console

from infra.stack_file import KEY
from tests.bench import processor_time
from tests.bench.figures import Figure, figure
from tests.e2e.stack import ROOT

_ACCOUNT = "nobody"
_KINDS = {"Artifact": "artifact", "Process": "start", "Task": "task"}
_OPERATION = re.compile(r"^ \+ +nebula-local:index:(\w+) (\S+) (creating|created)\b")
_MILESTONES = (
    (re.compile(r"^Installing the Python packages"), "packages"),
    (re.compile(r"^Building the Pulumi engine"), "engine"),
    (re.compile(r"^Updating \("), ""),
)
_LEFT_OUT = (".git", ".venv", ".nebula", "build", "__pycache__", "Pulumi.local.yaml", ".*_cache")
_MIRRORS = (".m2/settings.xml", ".config/go/env", ".config/pip/pip.conf", ".pip/pip.conf")
"""The files in which users configure mirrors of package registries."""

Line = tuple[float, str]


@dataclass(frozen=True)
class FreshMachine:
    """A clone below `tmp` and an empty home, with only the user's package mirrors configured. Root's caches
    have a fixed place, so under root the home belongs to another user."""

    tmp: Path
    settings: Mapping[str, object]
    """Settings that replace the local template's."""

    @property
    def checkout(self) -> Path:
        return self.tmp / "checkout"

    @property
    def home(self) -> Path:
        return self.tmp / "home"

    @property
    def cache(self) -> Path:
        """Return the directory that `make up` will use as the cache."""
        return self.home / ".cache" / "nebula"

    def prepare(self) -> None:
        shutil.copytree(ROOT, self.checkout, ignore=shutil.ignore_patterns(*_LEFT_OUT), symlinks=True)
        stacks = self.checkout / "stacks"
        content = yaml.safe_load((stacks / "Pulumi.local.template.yaml").read_text())
        content["config"][KEY] |= self.settings
        (stacks / "Pulumi.local.yaml").write_text(yaml.safe_dump(content))
        self.home.mkdir()
        for name in _MIRRORS:
            with contextlib.suppress(FileNotFoundError):
                content = (Path.home() / name).read_bytes()
                (self.home / name).parent.mkdir(parents=True, exist_ok=True)
                (self.home / name).write_bytes(content)
        if os.geteuid() == 0:
            user = pwd.getpwnam(_ACCOUNT)
            for path in (self.tmp, *self.tmp.rglob("*")):
                os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)

    def make(self, target: str) -> Iterator[Line]:
        """Run `make <target>`, and yield the lines that it prints with the seconds since its start. Raises
        AssertionError with the last lines when it fails."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PULUMI_", "NEBULA_", "XDG_", "MAKE", "MFLAGS", "VIRTUAL_ENV"))
        }
        environment = kept | {"HOME": str(self.home), "USER": _ACCOUNT, "LOGNAME": _ACCOUNT}
        account = _ACCOUNT if os.geteuid() == 0 else None
        begin = processor_time.now()
        last: list[str] = []
        with subprocess.Popen(
            ["make", target],
            cwd=self.checkout,
            env=environment,
            user=account,
            group=pwd.getpwnam(account).pw_gid if account else None,
            extra_groups=[] if account else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    last = [*last[-40:], line]
                    yield processor_time.now() - begin, line.rstrip("\n")
            except BaseException:
                # Whoever reads gave up: so must make, and the engine with it.
                os.killpg(process.pid, signal.SIGINT)
                process.wait()
                raise
        assert process.returncode == 0, "".join(last)


def measure(tmp: Path, settings: Mapping[str, object], console: Console) -> list[Figure]:
    """Measure all steps. This takes about a quarter of an hour on two cores, and downloads several GiB."""
    machine = FreshMachine(tmp, settings)
    machine.prepare()
    lines = []
    try:
        for at, line in machine.make("up"):
            lines.append((at, line))
            console.print(f"  {at:6.1f} {line}", markup=False, highlight=False, soft_wrap=True)
    finally:
        for _ in machine.make("down"):
            pass
    return figures(steps(lines), lines[-1][0])


def steps(lines: Iterable[Line]) -> dict[str, float]:
    """Return the seconds of each step from the lines that `make up` printed. Steps of the engine overlap."""
    seconds: dict[str, float] = {}
    begun: dict[str, float] = {}
    stage, since = "", 0.0
    for at, line in lines:
        for pattern, name in _MILESTONES:
            if pattern.match(line):
                if stage:
                    seconds[stage] = at - since
                stage, since = name, at
        if (operation := _OPERATION.match(line)) and operation[1] in _KINDS:
            step = f"{_KINDS[operation[1]]}.{operation[2]}"
            if operation[3] == "creating":
                begun.setdefault(step, at)  # repeated with its progress
            elif step in begun:
                seconds[step] = at - begun[step]
    return seconds


def figures(seconds: Mapping[str, float], total: float) -> list[Figure]:
    """Return a figure for each step compared with the whole, the longest step first."""
    ordered = sorted(seconds.items(), key=lambda item: -item[1])
    return [figure(f"fresh.{step}", taken, "s", total) for step, taken in ordered]
