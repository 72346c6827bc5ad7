"""The processes of a service's workers, and what they last reported."""

import subprocess
import sys
import threading
from pathlib import Path

import msgspec

from apps.projections.reports import Report

_decode = msgspec.json.Decoder(Report).decode


class ShardProcess:
    """One worker's process. It ends when this one does, however that ends."""

    def __init__(self, spec: Path, view: str) -> None:
        self.view = view
        self.report = Report()
        command = [sys.executable, "-m", "apps.projections", "work", str(spec), view]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ended = threading.Event()
        self._reader = threading.Thread(target=self._read, name=f"reports of {view}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def code(self) -> int:
        """The exit code of a worker that has ended."""
        return self._process.wait()

    def stop(self) -> None:
        """Ask it to end after the batch in hand."""
        self._process.terminate()

    def end(self, seconds: float) -> bool:
        """Wait for its end; kill it after `seconds`. Whether it ended by itself."""
        try:
            self._process.wait(seconds)
            by_itself = True
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            by_itself = False
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        return by_itself

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.report = _decode(line)
        self.report.connected = False
        self.ended.set()
