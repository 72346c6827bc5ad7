"""Keycloak as the software table has it: its distribution, with the build that `start --optimized` runs."""

from components.software.model import BuildStep, Dockerfile, Executable, Image, Maven, Software
from components.software.runtimes import JAVA, JAVA_25, OPTIONS, SHORT_LIVED


def _launch(*options: str) -> tuple[str, ...]:
    """Returns what kc.sh runs, without its shell: killed with -9, that would leave Java behind."""
    opened = ("java.util", "java.util.concurrent", "java.security", "java.lang")
    return (
        JAVA,
        *options,
        *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in opened),
        "--enable-native-access=ALL-UNNAMED",
        "-Djava.util.concurrent.ForkJoinPool.common.threadFactory="
        "io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory",
        "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
        "-Djdk.tls.rejectClientInitiatedRenegotiation=true",
        "-Dpicocli.disable.closures=true",
        "-Dkc.home.dir={home}",
        "-Djboss.server.config.dir={home}/conf",
        "-cp",
        "{home}/lib/quarkus-run.jar",
        "io.quarkus.bootstrap.runner.QuarkusEntryPoint",
    )


_TRANSACTIONS = (
    # Else it writes into the home, which belongs to every stack.
    "-Dquarkus.transaction-manager.object-store.directory={run}/transactions",
    # Else it listens on a port that the kernel picks, for the port's number: an identity of its process.
    "-DCoreEnvironmentBean.processImplementationClassName=com.arjuna.ats.internal.arjuna.utils.UuidProcessId",
)
_BUILD_OPTIONS = ("--db=postgres", "--health-enabled=true", "--metrics-enabled=true")

_VERSION = "26.7.3"
KEYCLOAK = Software(
    name="keycloak",
    version=_VERSION,
    licence="Apache-2.0",
    parts=(
        Maven(f"org.keycloak:keycloak-quarkus-dist:{_VERSION}:tar.gz", unpack=True, strip=1),
        # `--optimized` starts what this made. With C1 alone it takes 23 CPU seconds instead of 49.
        BuildStep((*_launch(*SHORT_LIVED), "build", *_BUILD_OPTIONS), java=JAVA_25),
    ),
    executables={
        "server": Executable(_launch(OPTIONS, *_TRANSACTIONS)),
    },
    image=Image(
        f"localhost/nebula/keycloak:{_VERSION}",
        user=1000,
        home="/opt/keycloak",
        build=Dockerfile(
            "components/software/docker/keycloak/Dockerfile",
            base=f"quay.io/keycloak/keycloak:{_VERSION}",
            args={"OPTIONS": " ".join(_BUILD_OPTIONS)},
        ),
    ),
    java=25,
)
