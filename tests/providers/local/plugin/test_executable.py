"""The plugin's executable."""

import shutil
import subprocess
from pathlib import Path

from tests.providers.local.plugin.client import EXECUTABLE


def test_a_checkout_without_venv_says_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "a clone/providers/local/plugin"
    folder.mkdir(parents=True)
    script = shutil.copy(EXECUTABLE, folder)
    environment = {"PATH": "/usr/bin:/bin", "NEBULA_PYTHON": "/bin/false"}
    ended = subprocess.run([script], env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert str(tmp_path / "a clone/.venv") in ended.stderr
    assert "make up" in ended.stderr
