"""What a stack file may say, and what is said of one that is wrong."""

import json
from pathlib import Path

import pytest
import yaml

from infra.settings import SettingsError, json_schema, parse
from infra.stack_file import KEY, StackFile

_ROOT = Path(__file__).parents[2]


def _stack_file(tmp_path: Path, text: str) -> tuple[str | None, StackFile]:
    path = tmp_path / "stacks" / "Pulumi.local.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    value = yaml.safe_load(text)["config"].get(KEY)
    return None if value is None else json.dumps(value), StackFile(path)


def _error(tmp_path: Path, text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        parse(*_stack_file(tmp_path, text))
    return str(caught.value)


def test_template_is_valid() -> None:
    template = _ROOT / "stacks" / "Pulumi.local.template.yaml"
    document = json.dumps(yaml.safe_load(template.read_text())["config"][KEY])
    settings = parse(document, StackFile(template))
    assert settings.demo
    assert {topic.name: topic.partitions for topic in settings.topics} == {
        "ebap.events.raw": 6,
        "ebap.metrics.telemetry": 6,
        "ebap.cdc.users": 3,
        "ebap.audit.logs": 1,
    }


def test_schema_committed_is_that_of_the_settings() -> None:
    committed = json.loads((_ROOT / "stacks" / "platform.schema.json").read_text())
    assert committed == json_schema(), "run: make schema"


def test_typo_is_refused_with_its_line_and_the_nearest_key(tmp_path: Path) -> None:
    message = _error(tmp_path, f"config:\n  {KEY}:\n    cloud: local\n    demmo: true\n")
    assert f"stacks/Pulumi.local.yaml, line 4: {KEY}.demmo" in message
    assert "did you mean demo?" in message


def test_unknown_component_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    message = _error(tmp_path, f"config:\n  {KEY}:\n    cloud: local\n    components:\n      hadoop: true\n")
    assert "line 5" in message
    assert "iceberg_catalog, kafka, keycloak" in message


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("demo: 'yes'", 'got "yes"'),
        ("size: huge", "'laptop', 'small' or 'production'"),
        ("local: {port_offset: 9000}", "less than or equal"),
        ("buckets: [Not_A_Bucket]", "not a valid name"),
        ("topics: [{name: a, partitions: 0}]", "topics[0].partitions"),
        ("topics: {name: a}", "topics"),
    ],
)
def test_wrong_value_is_refused_with_its_line(tmp_path: Path, line: str, expected: str) -> None:
    message = _error(tmp_path, f"config:\n  {KEY}:\n    cloud: local\n    {line}\n")
    assert "line 4" in message
    assert expected in message


def test_setting_outside_of_the_platform_object_is_refused(tmp_path: Path) -> None:
    message = _error(tmp_path, f"config:\n  nebula:platfrom: {{}}\n  {KEY}:\n    cloud: local\n")
    assert "nebula:platfrom" in message


def test_empty_configuration_names_where_to_start(tmp_path: Path) -> None:
    assert "Pulumi.local.template.yaml" in _error(tmp_path, "config:\n  aws:region: eu-west-1\n")
