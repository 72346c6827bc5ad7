"""Builds the JVM options that the Java servers share."""

_SMALL = 512
"""MiB: below it a server's work is its start, which C1 alone halves (Keycloak: 71 to 16 CPU seconds)."""


def options(heap: int, *extra: str) -> str:
    """Returns a `java @file` argument file: the heap is `heap` MiB at most, unused memory goes back to
    the system, and an OutOfMemoryError ends the process."""
    compiler = ("-XX:TieredStopAtLevel=1",) if heap < _SMALL else ()
    return "\n".join(
        (
            f"-Xmx{heap}m",
            f"-Xms{min(heap, 64)}m",
            "-XX:+UseSerialGC",
            "-XX:+ExitOnOutOfMemoryError",
            "-XX:-UsePerfData",
            "-Djava.io.tmpdir={run}",
            *compiler,
            *extra,
            "",
        )
    )
