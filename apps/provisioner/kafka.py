"""Kafka: topics, their partitions and settings."""

import logging
import socket
from collections.abc import Mapping
from typing import Any

from kafka.admin import (
    ConfigResource,
    ConfigResourceType,
    KafkaAdminClient,
)
from kafka.errors import KafkaError, KafkaTimeoutError

from apps.provisioner.changes import Changes
from apps.provisioner.errors import ProvisionError, RefusedError, UnreachableError, one_line
from apps.provisioner.fields import KafkaConnection
from apps.provisioner.specs import KafkaSpec, Topic
from apps.provisioner.waiting import CONNECT_SECONDS, wait_for_server, wait_until_seen

_BOOTSTRAP_SECONDS = 30


def converge(spec: KafkaSpec, changes: Changes) -> None:
    """Topics, partitions and topic settings. Raises ProvisionError."""
    admin = connect(spec, spec.wait_seconds)
    try:
        present = {topic["name"]: topic["partitions"] for topic in admin.describe_topics()}
        for topic in spec.topics:
            if topic.name in present:
                _ensure_partitions(admin, topic, present[topic.name], changes)
                _ensure_config(admin, topic, changes)
            else:
                _create(admin, topic, changes)
    except (KafkaError, ValueError) as error:
        raise ProvisionError(f"Kafka at {spec.bootstrap_servers}: {one_line(error)}") from error
    finally:
        admin.close()


def connect(spec: KafkaConnection, wait_seconds: float) -> KafkaAdminClient:
    """A client, within `wait_seconds` for a broker to accept a connection. Raises ProvisionError."""

    def any_accepts() -> None:
        failure: OSError | None = None
        for server in spec.bootstrap_servers.split(","):
            host, _, port = server.strip().rpartition(":")
            try:
                socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()
                return
            except OSError as error:
                failure = error
        if failure is not None:
            raise failure

    def transient(error: BaseException) -> bool:
        return isinstance(error, OSError)

    wait_for_server("Kafka", spec.bootstrap_servers, any_accepts, transient, wait_seconds)
    # Its warnings repeat at each attempt; what matters of them is in the errors raised here.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    seconds = min(_BOOTSTRAP_SECONDS, wait_seconds)
    try:
        return KafkaAdminClient(
            bootstrap_servers=spec.bootstrap_servers,
            client_id="provisioner",
            bootstrap_timeout_ms=int(seconds * 1000),
            security_protocol=spec.security_protocol,
            ssl_cafile=spec.ca_file,
            sasl_mechanism=spec.sasl_mechanism if spec.security_protocol.startswith("SASL") else None,
            sasl_plain_username=spec.username,
            sasl_plain_password=spec.password.get_secret_value() if spec.password else None,
        )
    except KafkaTimeoutError as error:
        raise UnreachableError(
            f"Kafka at {spec.bootstrap_servers} accepts connections but gave no metadata "
            f"within {seconds:g} s: check that this is a broker's listener, security_protocol, "
            "username and password"
        ) from error
    except KafkaError as error:
        raise ProvisionError(f"Kafka at {spec.bootstrap_servers}: {one_line(error)}") from error


def _create(admin: KafkaAdminClient, topic: Topic, changes: Changes) -> None:
    answer = admin.create_topics(
        {
            topic.name: {
                "num_partitions": topic.partitions,
                "replication_factor": topic.replication_factor,
                "configs": topic.config,
            }
        },
        raise_errors=False,
    )
    _refuse_failure(answer["topics"], f"topic {topic.name} could not be created")
    admin.wait_for_topics([topic.name])
    changes.add(f"created topic {topic.name}, {_count(topic.partitions)}")


def _ensure_partitions(
    admin: KafkaAdminClient, topic: Topic, partitions: list[Mapping[str, Any]], changes: Changes
) -> None:
    present, replicas = len(partitions), len(partitions[0]["replica_nodes"])
    if replicas != topic.replication_factor:
        raise RefusedError(
            f"topic {topic.name} has replication factor {replicas}, which is not changed to "
            f"{topic.replication_factor} here: declare {replicas}, or reassign its partitions first"
        )
    if present > topic.partitions:
        raise RefusedError(
            f"topic {topic.name} has {_count(present)}, which can't be reduced to {topic.partitions}: "
            f"declare {present} or more, or another topic"
        )
    if present < topic.partitions:
        answer = admin.create_partitions({topic.name: topic.partitions}, raise_errors=False)
        _refuse_failure(answer.to_dict()["results"], f"topic {topic.name} could not get more partitions")
        change = f"topic {topic.name}: {present} to {_count(topic.partitions)}"
        wait_until_seen(
            change, lambda: len(admin.describe_topics([topic.name])[0]["partitions"]) >= topic.partitions
        )
        changes.add(change)


def _ensure_config(admin: KafkaAdminClient, topic: Topic, changes: Changes) -> None:
    if not topic.config:
        return
    present = _config(admin, topic.name)
    if unknown := sorted(set(topic.config) - set(present)):
        raise ProvisionError(
            f"topic {topic.name}: Kafka knows no topic setting {unknown[0]!r}: correct `config`"
        )
    differing = {key: value for key, value in topic.config.items() if present[key] != value}
    if not differing:
        return
    resource = ConfigResource(ConfigResourceType.TOPIC, topic.name, dict(differing))
    outcome = admin.alter_configs([resource])["topic"][topic.name]
    if outcome != "OK":
        raise ProvisionError(f"topic {topic.name} could not be configured: {outcome}")
    wait_until_seen(
        f"topic {topic.name} was configured",
        lambda: all(_config(admin, topic.name).get(key) == value for key, value in differing.items()),
    )
    for key, value in sorted(differing.items()):
        changes.add(f"topic {topic.name}: {key} from {present[key]} to {value}")


def _config(admin: KafkaAdminClient, topic: str) -> dict[str, str | None]:
    answer = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)], config_filter="all")
    return {key: setting["value"] for key, setting in answer["topic"][topic].items()}


def _refuse_failure(results: list[Mapping[str, Any]], what: str) -> None:
    for result in results:
        if result["error_code"]:
            raise ProvisionError(f"{what}: {result['error_message'] or result['error_code']}")


def _count(partitions: int) -> str:
    return f"{partitions} partition{'' if partitions == 1 else 's'}"
