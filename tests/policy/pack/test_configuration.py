"""What the pack learns of a stack."""

import json
from pathlib import Path

from policy.pack.configuration import KEY, stack_file, stack_of
from policy.pack.model import Budget

PLATFORM = {
    "cloud": "aws",
    "size": "small",
    "aws": {"region": "eu-west-1"},
    "expose": {"trino": "trino.example"},
}


def _config(**changes: object) -> dict[str, str]:
    return {KEY: json.dumps({**PLATFORM, **changes})}


def _project(directory: Path, config: str) -> Path:
    (directory / "stacks").mkdir()
    (directory / "infra").mkdir()
    (directory / "Pulumi.yaml").write_text("name: nebula\nruntime: python\nstackConfigDir: stacks\n")
    (directory / "stacks" / "Pulumi.dev.yaml").write_text(config)
    found = stack_file(directory / "infra", "dev")
    assert found is not None
    return found


def test_size_expose_and_region_come_from_the_stack_file() -> None:
    stack = stack_of(_config(), (), None)

    assert (stack.cloud, stack.size, stack.production) == ("aws", "small", False)
    assert stack.exposed == {"trino"}
    assert stack.regions == {"eu-west-1"}
    assert stack.budget is None
    assert not stack.ends
    assert stack_of(_config(ttl="2027-01-01"), (), None).ends


def test_a_budget_and_further_regions_are_the_stack_files_own() -> None:
    policy = {"regions": ["EU", "europe-west1"], "budget": {"instances": 3, "types": ["e2-*"]}}
    stack = stack_of(_config(policy=policy), (), None)

    assert stack.regions == {"eu", "europe-west1"}
    assert stack.budget == Budget(3, ("e2-*",))


def test_a_stack_that_says_nothing_is_judged_as_production() -> None:
    assert stack_of({}, (), None).production


def test_a_secret_in_clear_is_found_by_its_key_or_its_form(tmp_path: Path) -> None:
    key = "AKIA" + "Z" * 16
    file = _project(
        tmp_path,
        "config:\n"
        "  nebula:platform:\n"
        "    external:\n"
        "      postgres: {admin: {username: root, password: hunter2}}\n"
        "      object_store: {access_key: app, secret_key: {secure: v1:abc}}\n"
        "    trino: {catalogs: {a: {connection-password: '${ENV:PASSWORD}', x: " + key + "}}}\n"
        "    kubernetes: {images: {pull_secrets: [registry]}, load_balancer: {tls_secret: tls}}\n"
        "    oidc: {client_secret: abc}\n"
        "  aws:region: eu-west-1\n"
        "  other:token: abc\n",
    )
    assert stack_of(_config(), (), file).plain_secrets == (
        "nebula:platform.external.postgres.admin.password",
        "nebula:platform.trino.catalogs.a.x",
        "nebula:platform.oidc.client_secret",
        "other:token",
    )


def test_without_a_file_what_the_engine_calls_secret_is_not_held_to_be_clear() -> None:
    config = _config(external={"postgres": {"password": "hunter2"}})

    assert stack_of(config, {KEY}, None).plain_secrets == ()
    assert stack_of(config, (), None).plain_secrets == ("nebula:platform.external.postgres.password",)


def test_no_file_is_found_where_there_is_no_project(tmp_path: Path) -> None:
    assert stack_file(tmp_path, "dev") is None
