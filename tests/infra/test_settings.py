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


def _refused(tmp_path: Path, lines: str, *, cloud: str = "local") -> str:
    """The error of settings whose lines begin with line 4 of the file, without its first line."""
    indented = "".join(f"    {line}\n" for line in lines.splitlines())
    message = _error(tmp_path, f"config:\n  {KEY}:\n    cloud: {cloud}\n{indented}")
    return message.split("\n", 1)[1].strip()


@pytest.mark.parametrize(
    "lines",
    [
        "trino: {catalogs: {shop: {connector.name: mysql, connection-password: 4711471147}}}",
        "trino: {catalogs: {shop: {connector.name: mysql, connection-password: [4711471147]}}}",
        "trino: {catalogs: {shop: {connector.name: mysql, 'bad key 4711471147': x}}}",
        "trino: {catalogs: {shop: 4711471147}}",
        "trino: {catalogs: 4711471147}",
        "trino: 4711471147",
        "kubernetes: {load_balancer: {tls_secret: 4711471147}}",
        "kubernetes: {load_balancer: {tls_secret: a, annotations: {token: 4711471147}}}",
        "topics: [{name: a, config: {retention.ms: 4711471147}}]",
        "external: {redis: {host: redis, password: 4711471147}}",
        "external: {redis: {host: redis, pasword: 4711471147}}",
        "external: 4711471147",
        "keycloak: {redirect_uris: [4711471147]}",
        "owner: {password: 4711471147}",
    ],
)
def test_no_value_is_shown_where_a_secret_may_stand(tmp_path: Path, lines: str) -> None:
    message = _refused(tmp_path, lines)
    assert message.startswith("stacks/Pulumi.local.yaml, line 4: ")
    assert "4711471147" not in message.replace("bad key 4711471147", "")


def test_nothing_of_a_document_that_is_no_mapping_is_shown(tmp_path: Path) -> None:
    for document in ('"given-secret"', "given-secret", '["given-secret"]', "4711471147"):
        with pytest.raises(SettingsError, match="must be a mapping of settings") as caught:
            parse(document, StackFile(tmp_path / "Pulumi.local.yaml"))
        assert "given-secret" not in str(caught.value)
        assert "4711471147" not in str(caught.value)


def test_a_number_where_a_text_must_stand_is_answered_with_quotes(tmp_path: Path) -> None:
    message = _refused(tmp_path, "topics:\n  - name: a\n    config:\n      retention.ms: 86400000")
    assert message == (
        f"stacks/Pulumi.local.yaml, line 7: {KEY}.topics[0].config.retention.ms: "
        'must be a text, got a number: put it in quotes (retention.ms: "…"); `pulumi config set` writes a '
        "text with --type string"
    )


def test_a_dotted_key_that_became_an_object_is_answered_with_the_path_to_write(tmp_path: Path) -> None:
    lines = "trino: {catalogs: {shop: {connector.name: mysql, s3: {aws-secret-key: given-secret}}}}"
    message = _refused(tmp_path, lines)
    assert (
        "a name with dots is one key, in quotes in a path (pulumi config set --path '…[\"s3.…\"]')" in message
    )
    assert "given-secret" not in message


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("catalogs: {lakehouse: {connector.name: memory}}", "lakehouse is the platform's own catalog"),
        ("catalogs: {system: {connector.name: memory}}", "system is Trino's own catalog"),
        ("catalogs: {shop: {connection-url: x}}", "needs connector.name"),
        ("catalogs: {shop: {connector.name: mysql, 'a=b': x}}", "catalogs.shop.a=b"),
        ('catalogs: {shop: {connector.name: mysql, "a\\nb": x}}', "catalogs.shop.a\nb"),
        ("catalogs: {shop: {connector.name: mysql, a: '{run}/x'}}", "{run} is what Nebula would put"),
        ('catalogs: {shop: {connector.name: mysql, a: "\\0"}}', "has a control character"),
    ],
)
def test_a_catalog_that_trino_would_refuse_is_refused(tmp_path: Path, lines: str, said: str) -> None:
    message = _refused(tmp_path, f"trino:\n  {lines}")
    assert message.startswith("stacks/Pulumi.local.yaml, line 5: ")
    assert said in message


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("buckets: [landing, landing]", "buckets[1]: bucket landing is declared twice"),
        ("buckets: [minio]", "minio is a name that MinIO or S3 keeps to itself"),
        ("buckets: [landing-s3alias]", "landing-s3alias is a name that MinIO or S3 keeps to itself"),
        ("databases: [orders, orders]", "databases[1]: database orders is declared twice"),
        ("databases: [postgres]", "postgres is a name that Postgres"),
        ("databases: [pg_orders]", "pg_orders is a name that Postgres"),
        ("databases: [template1]", "template1 is a name that Postgres"),
        ("keycloak: {redirect_uris: ['javascript:alert(1)']}", "no place to send a browser back to"),
        ("keycloak: {redirect_uris: ['https://a.example.org/#x']}", "keycloak.redirect_uris[0]"),
        ("keycloak: {redirect_uris: ['https://*.example.org/']}", "keycloak.redirect_uris[0]"),
        ("keycloak: {redirect_uris: ['a b']}", "keycloak.redirect_uris[0]"),
    ],
)
def test_what_a_server_would_refuse_for_its_form_is_refused(tmp_path: Path, lines: str, said: str) -> None:
    message = _refused(tmp_path, lines)
    assert message.startswith("stacks/Pulumi.local.yaml, line 4: ")
    assert said in message


@pytest.mark.parametrize(
    "uri", ["https://a.example.org/*", "http://127.0.0.1:*", "com.example.app:/callback"]
)
def test_a_place_to_send_a_browser_back_to_is_taken(tmp_path: Path, uri: str) -> None:
    assert _settings(tmp_path, f"    keycloak: {{redirect_uris: ['{uri}']}}\n").keycloak.redirect_uris == [
        uri
    ]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("expose: {trino: a..example.org}", "expose.trino"),
        ("expose: {trino: 10.0.0.1}", "10.0.0.1 is an address"),
        ("kubernetes: {kubeconfig: cluster.yaml}", "must be an absolute path"),
        ("kubernetes: {storage_class: Fast Disk}", "kubernetes.storage_class"),
        ("kubernetes: {images: {pull_secrets: [My_Secret]}}", "kubernetes.images.pull_secrets[0]"),
        ("kubernetes: {api_ports: [0]}", "kubernetes.api_ports[0]"),
        ("kubernetes: {gateway: {name: Public, namespace: a}}", "kubernetes.gateway.name"),
        ("kubernetes: {gateway: {name: public, namespace: a.b}}", "kubernetes.gateway.namespace"),
        ("kubernetes: {load_balancer: {tls_secret: a, source_ranges: [999.0.0.0/8]}}", "is no network"),
        ("kubernetes: {load_balancer: {tls_secret: a, annotations: {'a b': x}}}", "annotations.a b"),
        ("kubernetes: {load_balancer: {tls_secret: a, load_balancer_class: -x}}", "load_balancer_class"),
        ("expose: {trino: sql.example.org}\ncomponents: {trino: false}", "components.trino is off"),
    ],
)
def test_what_a_cluster_would_refuse_for_its_form_is_refused(tmp_path: Path, lines: str, said: str) -> None:
    message = _refused(tmp_path, lines, cloud="kubernetes")
    assert message.startswith("stacks/Pulumi.local.yaml, line 4: ")
    assert said in message


@pytest.mark.parametrize(
    ("cloud", "lines", "said"),
    [
        ("local", "kubernetes: {cpu_requests: 0.5}", "kubernetes: is for cloud kubernetes and aws and gcp"),
        ("local", "expose: {trino: sql.example.org}", "expose: is for cloud kubernetes and aws and gcp"),
        ("local", f"aws: {json.dumps(_AWS)}", "aws: is for cloud aws, and this stack is on local"),
        ("kubernetes", f"aws: {json.dumps(_AWS)}", "aws: is for cloud aws, and this stack is on kubernetes"),
        ("kubernetes", "local: {port_offset: 500}", "local: is for cloud local"),
    ],
)
def test_a_section_that_the_cloud_does_not_read_is_refused(
    tmp_path: Path, cloud: str, lines: str, said: str
) -> None:
    message = _refused(tmp_path, lines, cloud=cloud)
    assert message.startswith(f"stacks/Pulumi.local.yaml, line 4: {KEY}.")
    assert said in message


@pytest.mark.parametrize("directory", ["/", ".", "stack", "~/stack", "/a/../b", "/a b", "/a:b", "/a,b", "/ü"])
def test_a_directory_that_no_stack_may_have_is_refused(tmp_path: Path, directory: str) -> None:
    message = _refused(tmp_path, f'local: {{directory: "{directory}"}}')
    assert message.startswith(f"stacks/Pulumi.local.yaml, line 4: {KEY}.local.directory: ")


def test_a_directory_of_a_stacks_own_is_taken(tmp_path: Path) -> None:
    assert _settings(tmp_path, "    local: {directory: /data/nebula/mine-1}\n").local.directory


_LOGIN = "https://robot:given-secret@harbor.example/x"


@pytest.mark.parametrize(
    "lines",
    [
        f"kubernetes: {{images: {{mirror: '{_LOGIN}'}}}}",
        f"expose: {{trino: '{_LOGIN}'}}",
        f"owner: '{_LOGIN}'",
        f"size: '{_LOGIN}'",
        f"demo: '{_LOGIN}'",
        f"local: {{directory: '{_LOGIN}'}}",
        f"streams: [{{name: A, subjects: ['{_LOGIN} x']}}]",
        f"ttl: '{_LOGIN}'",
        f"topics: ['{_LOGIN}']",
    ],
)
def test_no_error_shows_an_address_that_may_hold_a_login(tmp_path: Path, lines: str) -> None:
    message = _error(tmp_path, f"config:\n  {KEY}:\n    cloud: kubernetes\n    {lines}\n")
    assert "line 4" in message
    assert "given-secret" not in message


def test_the_schema_is_made_once_however_many_keys_are_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    real = Settings.model_json_schema

    def schema() -> dict[str, object]:
        made.append(None)
        return real()

    monkeypatch.setattr(Settings, "model_json_schema", schema)
    keys = "".join(f"    unknown{number}: 1\n" for number in range(20))
    assert "unknown19" in _error(tmp_path, f"config:\n  {KEY}:\n    cloud: local\n{keys}")
    assert len(made) <= 1


def test_half_a_surrogate_pair_is_called_that(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="half a surrogate pair is no text"):
        parse('{"cloud": "local", "owner": "\\ud83d"}', StackFile(tmp_path / "Pulumi.local.yaml"))


@pytest.mark.parametrize(
    "mirror",
    [
        "registry.example",
        "registry.example:5000/bank",
        "localhost:5000",
        "123456789012.dkr.ecr.eu-central-1.amazonaws.com/nebula-prod/a__b/c-d.e",
    ],
)
def test_a_mirror_is_a_registry_and_names_below_it(tmp_path: Path, mirror: str) -> None:
    lines = f"    kubernetes: {{images: {{mirror: '{mirror}'}}}}\n"
    text = f"config:\n  {KEY}:\n    cloud: kubernetes\n{lines}"
    assert parse(*_stack_file(tmp_path, text)).kubernetes.images.mirror == mirror


@pytest.mark.parametrize(
    "mirror",
    [
        "a/../b",
        "a/./b",
        "registry.example//a",
        "registry.example:99999/x",
        "registry.example:0/x",
        "a:b:c",
        "registry.example/a:5",
        "registry.example/",
        "registry.example/-a",
        "registry.example/a\\n",
        "https://registry.example",
    ],
)
def test_what_is_no_registry_is_no_mirror(tmp_path: Path, mirror: str) -> None:
    line = f'kubernetes: {{images: {{mirror: "{mirror}"}}}}'
    message = _error(tmp_path, f"config:\n  {KEY}:\n    cloud: kubernetes\n    {line}\n")
    assert "line 4: nebula:platform.kubernetes.images.mirror" in message
