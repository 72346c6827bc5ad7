"""Processes as /proc shows them."""

import subprocess
import sys
from pathlib import Path

from providers.local.plugin import os_processes
from tests.providers.local.plugin.client import until

_ENDS_ITS_FIRST_THREAD = """
import ctypes, sys, threading
threading.Thread(target=sys.stdin.read).start()
ctypes.CDLL(None).pthread_exit(None)
"""


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_process_lives_until_its_last_thread_has_ended() -> None:
    command = [sys.executable, "-c", _ENDS_ITS_FIRST_THREAD]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        until(lambda: _state(process.pid) == "Z")
        assert os_processes.find_process(process.pid)
        process.kill()
        until(lambda: os_processes.find_process(process.pid) is None)
