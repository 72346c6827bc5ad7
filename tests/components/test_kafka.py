"""What Kafka says is read: its own log configuration, and the logging that its software brings."""

import subprocess
from pathlib import Path

from components.kafka import Kafka, KafkaArgs
from components.software import KAFKA
from components.templates import render
from tests.apps.provisioner.servers import home
from tests.components.recorded import RecordingCluster, foundation, recorded


def _files() -> dict[str, str]:
    def program(cluster: RecordingCluster) -> None:
        Kafka("kafka", KafkaArgs(foundation=foundation(cluster), topics=()))

    return recorded(program).files["kafka"]


def test_why_a_broker_ends_stands_in_what_it_prints(tmp_path: Path) -> None:
    """Started with a property that it refuses, by the launch line and the files of the component."""
    values = {
        "home": str(home("kafka")),
        "java": str(home("java-21") / "bin" / "java"),
        "run": str(tmp_path),
    }
    files = _files() | {"server.properties": "process.roles=oracle\nnode.id=1\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text if name == "server.properties" else render(text, values))
    command = [render(word, values) for word in KAFKA.executables["server"].distribution]
    answer = subprocess.run(
        [*command, tmp_path / "server.properties"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert answer.returncode != 0
    assert "process.roles" in answer.stdout
    assert "(kafka.Kafka$)" in answer.stdout  # the pattern of log4j2.yaml
    assert "SLF4J" not in answer.stdout
