"""What a waiting person reads."""

from itertools import count

import pytest

from providers.local.artifacts.progress import Download, duration


def test_a_download_tells_bytes_and_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = count(0, 2)
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    sizes = iter([0, 62_000_000, 62_000_000, 194_000_000])
    lines: list[str] = []
    watch = Download("downloading trino.tar.gz", 194_000_000, lambda: next(sizes), lines.append)
    assert [watch() for _ in range(4)] == [0, 62_000_000, 62_000_000, 194_000_000]
    assert lines == [
        "downloading trino.tar.gz (194 MB)",
        "downloading trino.tar.gz 62 of 194 MB, 15.5 MB/s",
    ]


def test_durations_read_well() -> None:
    assert duration(9.9) == "9 s"
    assert duration(130) == "2 min 10 s"
