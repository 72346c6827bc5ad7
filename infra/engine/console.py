"""Prints messages and progress on stderr, beside the engine's output, so that scripts can read stdout."""

import shutil
import sys
import time
from types import TracebackType

_LINE_EVERY_SECONDS = 10.0


def say(message: str) -> None:
    """Prints `message` as a line on stderr."""
    print(message, file=sys.stderr, flush=True)


def _width() -> int:
    """Returns how many characters fit into one line of the terminal. A line that wraps cannot be
    overwritten."""
    return shutil.get_terminal_size().columns - 1


class Progress:
    """Shows the last step of a long job and the time that has passed: in place on a terminal, elsewhere as a
    line every ten seconds. Use it as a context manager, and call it with each step."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._started = time.monotonic()
        self._shown = 0.0
        self._in_place = sys.stderr.isatty()

    def __enter__(self) -> "Progress":
        say(f"{self._title}...")
        return self

    def __call__(self, step: str) -> None:
        now = time.monotonic()
        if now - self._shown < (0.2 if self._in_place else _LINE_EVERY_SECONDS):
            return
        self._shown = now
        elapsed = int(now - self._started)
        line = f"  {elapsed // 60}:{elapsed % 60:02} {step}"
        if self._in_place:
            print(f"\r\x1b[K{line[: _width()]}", end="", file=sys.stderr, flush=True)
        else:
            say(line)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._in_place:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        if error is None:
            elapsed = int(time.monotonic() - self._started)
            say(f"  done in {elapsed // 60}:{elapsed % 60:02}")
