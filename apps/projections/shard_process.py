"""The process of a shard's worker, as its service sees it, with what it reported last."""

import subprocess
import sys
import threading
from pathlib import Path

import msgspec

from apps.projections.reports import Report

_decode = msgspec.json.Decoder(Report).decode


class ShardProcess:
    """The worker's process of one view. It ends when this process does, however that ends.

    `report` is the newest report. `ended` is set when the process is over.
    """

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
        """The id of the process."""
        return self._process.pid

    @property
    def exit_code(self) -> int:
        """The exit code, for which this waits until the process is over."""
        return self._process.wait()

    def stop(self) -> None:
        """Asks the process to end after the batch in hand."""
        self._process.terminate()

    def wait(self, seconds: float) -> bool:
        """Waits for the end of the process, kills it after `seconds`, and returns whether it ended by
        itself."""
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
