"""Spec and manifest: read from file and environment, judged before anything starts."""

import json
from pathlib import Path
from typing import Any

import pytest

from apps.kit.settings import SpecError
from apps.projections.shard import check_programs, load

PROGRAM = "def key(event):\n    return None\n\ndef project(view, event):\n    return view\n"


def _projection(**changes: Any) -> dict[str, Any]:
    return {"view": "carriers", "stream": "EVENTS", "subjects": ["events.>"], "program": PROGRAM, **changes}


def write(directory: Path, /, *projections: dict[str, Any], **changes: Any) -> Path:
    """A spec and its manifest below `directory`."""
    manifest = directory / "projections.json"
    manifest.write_text(json.dumps({"projections": projections or [_projection()]}))
    spec = {
        "nats": {"servers": ["nats://127.0.0.1:4222"], "user": "nebula", "password": "very-secret"},
        "listen": {"host": "127.0.0.1", "port": "8700"},
        "directory": str(directory / "data"),
        "manifest": str(manifest),
        "key": "k" * 32,
        **changes,
    }
    path = directory / "spec.json"
    path.write_text(json.dumps(spec))
    return path


def test_the_environment_stands_above_the_file(tmp_path: Path) -> None:
    environment = {
        "NEBULA_PROJECTIONS_NATS__PASSWORD": "12345678",
        "NEBULA_PROJECTIONS_NATS__SERVERS": '["nats://other:4222"]',
        "NEBULA_PROJECTIONS_QUERIES__SCAN": "50",
        "PROJECTIONS_CARRIERS_ALL_PORT": "tcp://10.0.0.1:8700",
    }
    spec, _ = load(write(tmp_path), environment)
    assert spec.nats.password.get_secret_value() == "12345678"
    assert spec.nats.servers == ("nats://other:4222",)
    assert spec.queries.scan == 50
    assert spec.nats.user == "nebula"
    assert spec.listen.port == 8700


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"listen": {"host": "h", "port": 0}}, "listen.port"),
        ({"key": "short"}, "key"),
        ({"natz": {}}, "natz"),
        ({"nats": {"servers": []}}, "nats.servers"),
    ],
)
def test_a_wrong_key_is_named_and_no_value_shown(tmp_path: Path, changes: dict[str, Any], key: str) -> None:
    with pytest.raises(SpecError, match=key) as caught:
        load(write(tmp_path, **changes), {})
    assert "very-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"view": "Day Board"}, r"projections\[0\]\.view"),
        ({"subjects": ["events..x"]}, r"projections\[0\]\.subjects"),
        ({"subjects": ["events.a b"]}, r"projections\[0\]\.subjects"),
        ({"subjects": ["events.>.x"]}, r"projections\[0\]\.subjects"),
        ({"tenant_token": -1}, r"projections\[0\]\.tenant_token"),
        ({"tenant_token": 99}, r"projections\[0\]\.tenant_token"),
        ({"tenant_token": 2, "subjects": ["events.>", "events.*"]}, r"events\.\* has no token 2"),
        ({"limits": {"gas": 0}}, r"projections\[0\]\.limits\.gas"),
        ({"fields": ["payload.carrier", 'a"b']}, r"projections\[0\]\.fields\[1\]"),
        ({"fields": ["payload..carrier"]}, r"projections\[0\]\.fields\[0\]"),
        ({"fields": ["payload.a.b", "id", "payload"]}, r"payload\.a\.b is a part of payload: remove one"),
    ],
)
def test_a_wrong_projection_is_named(tmp_path: Path, changes: dict[str, Any], key: str) -> None:
    with pytest.raises(SpecError, match=key):
        load(write(tmp_path, _projection(**changes)), {})


def test_a_view_is_declared_once(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="carriers is declared twice"):
        load(write(tmp_path, _projection(), _projection()), {})


def test_a_program_that_cannot_be_loaded_is_refused_at_the_start(tmp_path: Path) -> None:
    _, good = load(write(tmp_path), {})
    check_programs(good)
    _, wrong = load(write(tmp_path, _projection(program="def key(event) return 1")), {})
    with pytest.raises(SpecError, match="projection carriers: the program cannot be loaded"):
        check_programs(wrong)
