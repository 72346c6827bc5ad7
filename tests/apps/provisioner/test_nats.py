import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.js.api import StreamInfo

from tests.apps.provisioner.conftest import Declared, Provision, mint
from tests.apps.provisioner.servers import free_port, home, running

REPOSITORY = Path(__file__).resolve().parents[3]
Stream = dict[str, Any]


def declare(server: Declared, *streams: Stream) -> Declared:
    return {**server, "streams": list(streams)}


def stream(name: str, **more: Any) -> Stream:
    return {"name": name, "subjects": [f"{name.lower()}.>"], **more}


def publish_and_describe(server: Declared, name: str, messages: int = 0) -> StreamInfo:
    """What the server says of a stream after `messages` more of them."""

    async def ask() -> StreamInfo:
        client = await nats.connect(server["servers"], user=server["user"], password=server["password"])
        try:
            jetstream = client.jetstream()
            for _ in range(messages):
                await jetstream.publish(f"{name.lower()}.event", b"payload")
            return await jetstream.stream_info(name)
        finally:
            await client.close()

    return asyncio.run(ask())


def test_a_second_run_changes_nothing(nats: Declared, provision: Provision) -> None:
    spec = declare(
        nats, stream("TWICE", max_age_seconds=3600, max_bytes=1 << 20), stream("WORK", retention="workqueue")
    )
    assert provision(spec).changed == [
        "created stream TWICE, subjects twice.>",
        "created stream WORK, subjects work.>",
    ]
    again = provision(spec)
    assert again.changed == []
    assert again.stdout.splitlines()[-1] == "nothing to change"


def test_a_changed_stream_is_updated_and_keeps_its_messages(nats: Declared, provision: Provision) -> None:
    assert provision(declare(nats, stream("GROWN"))).code == 0
    publish_and_describe(nats, "GROWN", messages=5)
    grown = stream("GROWN", max_messages=1000)
    grown["subjects"] = ["grown.>", "more.>"]
    assert provision(declare(nats, grown)).changed == ["changed stream GROWN: max_msgs, subjects"]
    info = publish_and_describe(nats, "GROWN")
    assert info.state.messages == 5
    assert info.config.subjects == ["grown.>", "more.>"]


def test_a_change_that_the_server_cannot_make_is_an_error_and_loses_nothing(
    nats: Declared, provision: Provision
) -> None:
    assert provision(declare(nats, stream("FIXED"))).code == 0
    publish_and_describe(nats, "FIXED", messages=3)
    run = provision(declare(nats, stream("FIXED", storage="memory")))
    assert run.code == 1
    assert "stream FIXED was refused" in run.stderr
    assert publish_and_describe(nats, "FIXED").state.messages == 3


def test_a_stream_that_is_declared_no_more_is_kept(nats: Declared, provision: Provision) -> None:
    assert provision(declare(nats, stream("UNDECLARED"))).code == 0
    assert provision(declare(nats)).changed == []
    assert publish_and_describe(nats, "UNDECLARED").config.name == "UNDECLARED"


def test_a_server_that_comes_later_is_waited_for(tmp_path: Path) -> None:
    installed, port = home("nats"), free_port()
    spec = tmp_path / "spec.json"
    spec.write_text(
        json.dumps({"service": "nats", "servers": [f"nats://127.0.0.1:{port}"], "streams": [stream("LATE")]})
    )
    command = [sys.executable, "-u", "-m", "apps.provisioner", str(spec)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as provisioner:
        assert provisioner.stdout is not None
        assert f"waiting for NATS at 127.0.0.1:{port}" in provisioner.stdout.readline()
        server: list[str | Path] = [
            installed / "bin/nats-server",
            "-a",
            "127.0.0.1",
            "-p",
            str(port),
            "-js",
            "-sd",
            tmp_path / "data",
        ]
        with running(server, tmp_path, port):
            assert "created stream LATE" in provisioner.stdout.read()
            assert provisioner.wait() == 0


@pytest.mark.parametrize("login", [{"password": mint()}, {"user": None, "password": None}])
def test_a_wrong_login_ends_at_once_and_names_the_server(
    nats: Declared, provision: Provision, login: dict[str, str | None]
) -> None:
    assert provision(declare(nats)).code == 0
    run = provision({**declare(nats), **login, "wait_seconds": 600})
    assert run.code == 1
    assert f"NATS at {nats['servers'][0].removeprefix('nats://')} refused the login" in run.stderr
    assert len(run.stderr.splitlines()) == 1
