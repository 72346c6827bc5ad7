"""JVM options that every Java server here shares."""


def options(heap: int, *extra: str) -> str:
    """A `java @file` argument file: a fixed ceiling of `heap` MiB, memory given back when idle, and
    an end instead of limping on after an OutOfMemoryError."""
    return "\n".join(
        (
            f"-Xmx{heap}m",
            f"-Xms{min(heap, 64)}m",
            "-XX:+UseSerialGC",
            "-XX:+ExitOnOutOfMemoryError",
            "-XX:-UsePerfData",
            "-Djava.io.tmpdir={run}",
            *extra,
            "",
        )
    )
