"""The engine can start the plugin's executable."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.providers.local.plugin.client import EXECUTABLE, Plugin

Start = Callable[..., Plugin]


def test_a_checkout_without_venv_says_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "a clone/providers/local/plugin"
    folder.mkdir(parents=True)
    script = shutil.copy(EXECUTABLE, folder)
    environment = {"PATH": "/usr/bin:/bin", "NEBULA_PYTHON": "/bin/false"}
    ended = subprocess.run([script], env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert str(tmp_path / "a clone/.venv") in ended.stderr
    assert "make up" in ended.stderr


def test_what_the_plugin_caches_does_not_follow_the_umask_of_the_shell(start_plugin: Start) -> None:
    before = os.umask(0)
    try:
        plugin = start_plugin()
    finally:
        os.umask(before)
    status = Path(f"/proc/{plugin.process.pid}/status").read_text()
    assert "Umask:\t0022" in status
