"""What a stack file may say, and what is said of one that is wrong."""

import json
from datetime import date
from pathlib import Path

import pytest
import yaml

from infra.settings import Settings, SettingsError, json_schema, parse
from infra.stack_file import KEY, StackFile

_ROOT = Path(__file__).parents[2]
_AWS = {
    "account_id": "123456789012",
    "region": "eu-central-1",
    "api_access": ["203.0.113.10/32"],
    "admins": ["arn:aws:iam::123456789012:role/deployer"],
}


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


def _settings(tmp_path: Path, lines: str) -> Settings:
    text = f"config:\n  {KEY}:\n    cloud: local\n{lines}"
    value = yaml.safe_load(text)["config"][KEY]
    return parse(json.dumps(value, default=str), StackFile(tmp_path / "Pulumi.local.yaml"))


@pytest.mark.parametrize("given", ["on", '"on"'])
def test_power_is_on_however_yaml_reads_the_word(tmp_path: Path, given: str) -> None:
    assert _settings(tmp_path, f"    power: {given}\n").power == "on"


def test_power_is_on_or_parked(tmp_path: Path) -> None:
    assert _settings(tmp_path, "    power: parked\n").power == "parked"
    assert "'on' or 'parked'" in _error(tmp_path, f"config:\n  {KEY}:\n    cloud: local\n    power: off\n")


@pytest.mark.parametrize(
    "given",
    ["2027-01-31", '"2027-01-31"', '"2027-01-31T00:00:00Z"', '"2027-01-31 00:00:00 +0000 UTC"'],
)
def test_ttl_is_a_day_however_yaml_reads_it(tmp_path: Path, given: str) -> None:
    assert _settings(tmp_path, f"    ttl: {given}\n").ttl == date(2027, 1, 31)


def test_ttl_that_is_no_day_is_refused_with_its_line(tmp_path: Path) -> None:
    message = _error(tmp_path, f"config:\n  {KEY}:\n    cloud: local\n    ttl: tomorrow\n")
    assert f"line 4: {KEY}.ttl" in message


@pytest.mark.parametrize(("cloud", "place"), [("aws", "region"), ("gcp", "project")])
def test_cloud_without_a_place_is_refused(tmp_path: Path, cloud: str, place: str) -> None:
    message = _error(tmp_path, f"config:\n  {KEY}:\n    cloud: {cloud}\n")
    assert f"cloud {cloud} needs {cloud}" in message
    message = _error(tmp_path, f"config:\n  {KEY}:\n    cloud: {cloud}\n    {cloud}: {{}}\n")
    assert f"{KEY}.{cloud}.{place}" in message


def test_cloud_that_makes_its_cluster_refuses_the_name_of_another(tmp_path: Path) -> None:
    lines = f"cloud: aws\n    aws: {json.dumps(_AWS)}\n    kubernetes: {{context: mine}}\n"
    assert "kubernetes.context" in _error(tmp_path, f"config:\n  {KEY}:\n    {lines}")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"account_id": "1234"}, "aws.account_id"),
        ({"api_access": ["0.0.0.0/0"]}, "opens the API server to the whole internet"),
        ({"api_access": ["203.0.113.10/24"]}, "not an IPv4 network"),
        ({"api_access": []}, "aws.api_access"),
        ({"admins": ["platform-deployer"]}, "aws.admins[0]"),
        ({"network": "203.0.113.0/24"}, "not a private network of /16 to /20"),
        ({"zones": ["a", "a", "b"]}, "a is there twice"),
        ({"region": "Frankfurt"}, "aws.region"),
        ({"nat": "some"}, "'none', 'one' or 'per-zone'"),
        ({"postgres": {"ca": "nonsense"}}, "must be certificates in PEM"),
    ],
)
def test_wrong_place_on_aws_is_refused(tmp_path: Path, given: dict[str, object], expected: str) -> None:
    place = json.dumps({**_AWS, **given})
    message = _error(tmp_path, f"config:\n  {KEY}:\n    cloud: aws\n    aws: {place}\n")
    assert expected in message
