"""JVM options that the Java servers here share."""

_SMALL = 512
"""MiB: below it a server's work is its start, which C1 alone halves (Keycloak: 71 to 16 CPU seconds)."""


def options(heap: int, *extra: str) -> str:
    """A `java @file` argument file: a ceiling of `heap` MiB, memory given back when idle, and an end
    instead of limping on after an OutOfMemoryError."""
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
