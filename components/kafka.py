"""Runs Kafka in KRaft mode and creates the topics that the stack declares."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi

from components import jvm
from components.base import (
    Address,
    HostPort,
    Link,
    Password,
    Readiness,
    Tcp,
    Volume,
    Workload,
)
from components.declaration import Declaration, WorkloadDeclaration
from components.endpoints import KafkaEndpoint
from components.foundation import Foundation
from components.provisioning import converge
from components.sizing import WorkloadSize
from components.software import KAFKA, PROVISIONER

_CLIENT, _CONTROLLER, _OUTSIDE = 9092, 9093, 9094

_PROPERTIES = """\
process.roles=broker,controller
node.id={{index}}
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
listeners=CLIENT://{{bind}}:{{port.client}},CONTROLLER://{{bind}}:{{port.controller}}{listener}
advertised.listeners=CLIENT://{{host}}:{{port.client}}{advertised}
inter.broker.listener.name=CLIENT
listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT{protocol}
log.dirs={{data}}/log
auto.create.topics.enable=false
default.replication.factor={replicas}
offsets.topic.replication.factor={replicas}
transaction.state.log.replication.factor={replicas}
share.coordinator.state.topic.replication.factor={replicas}
min.insync.replicas={in_sync}
transaction.state.log.min.isr={in_sync}
share.coordinator.state.topic.min.isr={in_sync}
offsets.topic.num.partitions=10
transaction.state.log.num.partitions=5
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
"""

# What clients outside speak TLS to stands before the broker.
_FROM_OUTSIDE = {
    "listener": ",OUTSIDE://{bind}:{port.outside}",
    "advertised": ",OUTSIDE://{outside}",
    "protocol": ",OUTSIDE:PLAINTEXT",
}

_LOG4J = """\
Configuration:
  Appenders:
    Console:
      name: stdout
      PatternLayout:
        pattern: "[%d] %p %m (%c)%n"
  Loggers:
    Root:
      level: WARN
      AppenderRef:
        - ref: stdout
    Logger:
      - name: kafka.server
        level: INFO
"""


DECLARATION = Declaration(
    name="kafka",
    workloads={
        "kafka": WorkloadDeclaration(
            sizes={
                "laptop": WorkloadSize(cpu=1, memory=768, heap=320, volume=10),
                "small": WorkloadSize(cpu=2, memory=2048, heap=1024, volume=50),
                "production": WorkloadSize(cpu=4, memory=8192, heap=4096, volume=200, replicas=3),
            },
            ports={"client": 29092, "controller": 29093},
        ),
    },
    software=(KAFKA,),
    tasks=(PROVISIONER,),
    exposable=True,
    external="kafka",
)


@dataclass(frozen=True)
class Topic:
    """A topic. `partitions` may grow later and cannot shrink; `config` holds Kafka's topic properties."""

    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class KafkaArgs:
    foundation: Foundation
    topics: tuple[Topic, ...]


class Kafka(pulumi.ComponentResource):
    """Runs brokers that are their own controllers, without ZooKeeper."""

    endpoint: KafkaEndpoint

    def __init__(self, name: str, args: KafkaArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("nebula:components:Kafka", name, {}, opts)
        cluster, size = args.foundation.cluster, args.foundation.sizing["kafka"]
        voters = ",".join(f"{index}@{{peer.controller.{index}}}" for index in range(size.replicas))
        cluster_id = (
            base64.urlsafe_b64encode(hashlib.sha256(name.encode()).digest()[:16]).decode().rstrip("=")
        )
        outside = [
            args.foundation.cluster.outside(name, _OUTSIDE, replica) for replica in range(size.replicas)
        ]
        exposed = any(outside)
        ports = {"client": _CLIENT, "controller": _CONTROLLER}
        server = cluster.run(
            Workload(
                name=name,
                software=KAFKA,
                command=("server", "{run}/server.properties"),
                files={
                    "server.properties": _PROPERTIES.format(
                        voters=voters,
                        replicas=size.replicas,
                        in_sync=min(size.replicas, 2),
                        **(_FROM_OUTSIDE if exposed else dict.fromkeys(_FROM_OUTSIDE, "")),
                    ),
                    "log4j2.yaml": _LOG4J,
                    "jvm.options": jvm.options(
                        size.heap,
                        "-Dlog4j2.configurationFile={run}/log4j2.yaml",
                        "-Djava.awt.headless=true",
                    ),
                },
                ports={**ports, "outside": _OUTSIDE} if exposed else ports,
                volume=Volume(size.volume),
                prepare=(
                    (
                        "storage",
                        "format",
                        f"--cluster-id={cluster_id}",
                        "--config={run}/server.properties",
                        "--ignore-formatted",
                    ),
                ),
                replicas=size.replicas,
                readiness=Readiness(Tcp("client"), deadline=120),
                resources=size.resources,
            ),
            self,
        )
        bare = KafkaEndpoint(
            component=name,
            workloads=(name,),
            depends_on=(server.resource,),
            brokers=_brokers(server.addresses["client"], outside),
        )
        topics = converge(
            f"{name}-topics",
            _topics(bare, args.topics, size.replicas),
            foundation=args.foundation,
            link=Link(bare, ("client",)),
            parent=self,
            volume=server.volume,
        )
        self.endpoint = replace(bare, depends_on=(server.resource, topics.resource))
        self.register_outputs({"bootstrap_servers": bare.outside_bootstrap_servers})


def _brokers(client: Address, outside: Sequence[HostPort | None]) -> tuple[Address, ...]:
    """Returns the brokers' addresses: inside, one service for all of them; outside, each exposed broker."""
    exposed = tuple(Address(inside=client.inside, outside=each) for each in outside if each)
    return exposed or (Address(inside=client.inside, outside=client.inside),)


@dataclass(frozen=True, kw_only=True)
class KafkaTopicsArgs:
    """`server` is a site's own Kafka; its topics get `replication_factor` copies."""

    foundation: Foundation
    server: KafkaEndpoint
    topics: tuple[Topic, ...]
    replication_factor: int


class KafkaTopics(pulumi.ComponentResource):
    """Creates topics on a site's own Kafka."""

    endpoint: KafkaEndpoint

    def __init__(self, name: str, args: KafkaTopicsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("nebula:components:KafkaTopics", name, {}, opts)
        topics = converge(
            f"{name}-topics",
            _topics(args.server, args.topics, args.replication_factor),
            foundation=args.foundation,
            link=Link(args.server, ("client",)),
            parent=self,
        )
        self.endpoint = replace(args.server, depends_on=(*args.server.depends_on, topics.resource))
        self.register_outputs({"topics": [topic.name for topic in args.topics]})


def _topics(server: KafkaEndpoint, topics: tuple[Topic, ...], replication_factor: int) -> dict[str, Any]:
    return {
        "service": "kafka",
        **connection(server),
        "topics": [
            {
                "name": topic.name,
                "partitions": topic.partitions,
                "replication_factor": replication_factor,
                "config": dict(topic.config),
            }
            for topic in topics
        ],
    }


def connection(server: KafkaEndpoint) -> dict[str, Any]:
    """Returns the settings by which the provisioner reaches `server`; apps/provisioner/README.md has
    their form."""
    known: dict[str, Any] = {"bootstrap_servers": server.bootstrap_servers}
    transport = "PLAINTEXT" if server.tls.mode == "disabled" else "SSL"
    if isinstance(server.auth, Password):
        known |= {
            "sasl_mechanism": server.sasl_mechanism,
            "username": server.auth.username,
            "password": server.auth.password,
        }
        transport = f"SASL_{transport}"
    if transport != "PLAINTEXT":
        known["security_protocol"] = transport
    if server.ca_file is not None:
        known["ca_file"] = server.ca_file
    return known
