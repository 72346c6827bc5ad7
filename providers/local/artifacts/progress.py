"""Lines that tell people who wait what happens."""

import time
from collections.abc import Callable

Progress = Callable[[str], None]
"""A function that shows one line of text."""

_REPORT_SECONDS = 2.0
_SAMPLES = 10
_MEGABYTE = 1_000_000


class Download:
    """Reports a download from the growth of its file: `downloading x 62 of 194 MB, 11.2 MB/s`.

    Each call measures and returns the bytes so far, and shows a line every two seconds at most. `size` is the
    expected size in bytes; without one no line is shown.
    """

    def __init__(self, subject: str, size: int, measure: Callable[[], int], progress: Progress) -> None:
        self._subject = subject
        self._size = size
        self._measure = measure
        self._progress = progress
        self._samples = [(time.monotonic(), 0)]
        if size:
            progress(f"{subject} ({size / _MEGABYTE:.0f} MB)")

    def __call__(self) -> int:
        now, done = time.monotonic(), self._measure()
        reported, last = self._samples[-1]
        if last != done and 0 < done < self._size and now - reported >= _REPORT_SECONDS:
            since, before = self._samples[0]
            self._samples = [*self._samples[1 - _SAMPLES :], (now, done)]
            speed = max(0, done - before) / _MEGABYTE / (now - since)
            self._progress(
                f"{self._subject} {done / _MEGABYTE:.0f} of {self._size / _MEGABYTE:.0f} MB, {speed:.1f} MB/s"
            )
        return done


def duration(seconds: float) -> str:
    """Returns a number of seconds as people write it: `2 min 10 s`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
