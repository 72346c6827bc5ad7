"""`python -m apps.projections.generations.process`: the worker of one generation, in a process of its own.

A generation that does not answer queries is kept by such a process, at a lower priority. Filling it then
takes no time of the interpreter that keeps the generation that answers. The process reads its task from
standard input, works until its input ends or its generation is retired, and so never outlives the process
that started it.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from apps.projections.errors import ProjectionError, StoreGoneError
from apps.projections.generations.states import GenerationError
from apps.projections.shard import Assignment, Shard
from apps.projections.worker import Worker

_log = logging.getLogger("apps.projections.generations.process")
_NICENESS = 10
_SOURCE = Path(__file__).resolve().parents[3]


class GenerationProcess:
    """Starts the process of the assigned generation, and stands for it in the process that started it."""

    def __init__(self, assignment: Assignment) -> None:
        number = str(assignment.generation.number)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "apps.projections.generations.process", number],
            stdin=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(_SOURCE)},
        )
        assert self._process.stdin is not None
        self._process.stdin.write(assignment.shard.encoded())
        self._process.stdin.flush()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code; None while the process runs."""
        return self._process.poll()

    def stop(self) -> None:
        """Asks the process to commit what it has in hand, and waits for its end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def main() -> int:
    """Applies the events of the shard on standard input to the generation whose number is the argument.

    Returns 0 when the input has ended or the generation was retired, else the exit code of the error.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    number = int(sys.argv[1])
    shard = Shard.model_validate(json.loads(sys.stdin.readline()))
    os.nice(_NICENESS)
    try:
        worker = Worker(shard.assignment(shard.generations.get(number)))
        signal.signal(signal.SIGTERM, lambda *_: worker.stop())
        threading.Thread(target=_stop_at_end_of_input, args=(worker,), daemon=True).start()
        worker.run()
    except (GenerationError, StoreGoneError):
        _log.info("generation %d of %s was retired", number, shard.view)
    except ProjectionError as error:
        print(f"generation {number} of {shard.view}: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _stop_at_end_of_input(worker: Worker) -> None:
    sys.stdin.read()
    worker.stop()


if __name__ == "__main__":
    sys.exit(main())
