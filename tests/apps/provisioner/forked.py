"""Runs of the provisioner, each in a process of its own that is forked from one with its clients imported.

Their import is most of a run: the tests make more than a hundred.
"""

import json
import multiprocessing
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from apps.kit.result import VARIABLE
from apps.provisioner.__main__ import main

_SERVICES = ("check", "iceberg_catalog", "kafka", "keycloak", "nats", "object_store", "postgres")
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([__name__, *(f"apps.provisioner.{name}" for name in _SERVICES)])


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit code, and what it wrote to its streams and to its result file."""

    code: int
    stdout: str
    stderr: str
    written: str


def provisioner(spec: Mapping[str, object], directory: Path) -> Ended:
    """Run the provisioner on `spec` with the files of the run in `directory`; waits for its end."""
    path, result = directory / "spec.json", directory / "result.json"
    stdout, stderr = directory / "stdout", directory / "stderr"
    path.write_text(json.dumps(spec))
    result.unlink(missing_ok=True)
    environment = {**os.environ, VARIABLE: str(result)}
    process = _processes.Process(target=_run, args=(str(path), environment, str(stdout), str(stderr)))
    process.start()
    process.join()
    code = process.exitcode
    process.close()
    assert code is not None
    written = result.read_text() if result.exists() else ""
    return Ended(code, stdout.read_text(), stderr.read_text(), written)


def _run(spec: str, environment: dict[str, str], stdout: str, stderr: str) -> None:
    """`python -m apps.provisioner SPEC`, as far as the process can tell."""
    os.environ.clear()
    os.environ.update(environment)
    for path, descriptor in ((stdout, 1), (stderr, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    try:
        code = main([spec])
    except Exception:  # noqa: BLE001  # as the interpreter does, by the hook that masks secrets
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.exit(code)
