"""What `make portability` counts, and what it must find of this project."""

from pathlib import Path

import pytest

from tools.portability import (
    AIM,
    CLOUDS,
    ROOT,
    SHIPPED,
    code_lines,
    files_naming_cloud,
    lines_below,
    names_cloud,
    report,
    stack_difference,
)


def test_one_file_of_the_program_outside_of_providers_names_a_cloud() -> None:
    assert files_naming_cloud().program == ("infra/cloud.py",)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_cloud_is_a_small_part_of_the_code(cloud: str) -> None:
    whole = sum(lines_below(ROOT / folder) for folder in SHIPPED)
    assert 0 < lines_below(ROOT / "providers" / cloud) < AIM / 100 * whole


def test_code_is_counted_without_words_about_it() -> None:
    source = '"""A module.\n\nIn two paragraphs."""\n\n# why\nx = (\n    1,  # what\n)\ny = """\ntext\n"""\n'
    assert code_lines(source) == 6


def test_a_docstring_of_a_field_is_no_code() -> None:
    assert code_lines('class A:\n    x: int = 1\n    """What it is."""\n') == 2


@pytest.mark.parametrize(
    "source",
    [
        "import pulumi_aws as aws",
        "from pulumi_gcp import storage",
        "def f() -> None:\n    from providers.aws.provider import AwsProvider",
        "from providers import gcp",
        'if cloud == "aws": pass',
        'match cloud:\n    case "gcp": pass',
    ],
)
def test_what_decides_by_a_cloud_names_it(source: str) -> None:
    assert names_cloud(source)


@pytest.mark.parametrize(
    "source",
    [
        '"""aws"""',
        "# aws",
        'io = "org.apache.iceberg.aws.s3.S3FileIO"',
        "from providers.kubernetes import cluster",
    ],
)
def test_words_and_the_client_of_a_protocol_name_none(source: str) -> None:
    assert not names_cloud(source)


def _tree(root: Path, files: dict[str, str]) -> Path:
    for folder in ("infra", "providers", "components", "apps", "policy", "stacks"):
        (root / folder).mkdir()
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_command_that_the_program_does_not_import_is_told_apart(tmp_path: Path) -> None:
    root = _tree(
        tmp_path,
        {
            "infra/__main__.py": "from infra.platform import run",
            "infra/platform.py": "def run():\n    from components.trino import Trino",
            "components/trino.py": 'cloud = "aws"',
            "infra/sweep.py": "import boto3",
            "infra/settings.py": 'clouds = "gcp"',
            "providers/aws/nodes.py": "import pulumi_aws",
        },
    )
    found = files_naming_cloud(root)
    assert found.program == ("components/trino.py",)
    assert found.settings == ("infra/settings.py",)
    assert found.commands == ("infra/sweep.py",)


def test_stack_files_differ_in_settings_and_not_in_comments() -> None:
    one = "# mine\ncloud: aws\naws:\n  region: eu-central-1\nsize: small\n"
    other = "# yours\ncloud: gcp\ngcp:\n  region: europe-west3\nsize: small\n"
    assert stack_difference(one, other) == [
        "-cloud: aws",
        "-aws:",
        "-  region: eu-central-1",
        "+cloud: gcp",
        "+gcp:",
        "+  region: europe-west3",
    ]


def test_a_missing_stack_file_is_said(tmp_path: Path) -> None:
    empty = {f"providers/{cloud}/__init__.py": "" for cloud in CLOUDS}
    root = _tree(tmp_path, {"infra/__main__.py": "x = 1", **empty})
    assert "stack files: Pulumi.aws-dev.template.yaml, Pulumi.gcp-dev.template.yaml is not there" in list(
        report(CLOUDS, root)
    )
