"""mypy checks what is used of the clouds' SDKs, and takes all else in them for Any."""

import ast
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_SDKS = ("pulumi_aws", "pulumi_gcp")


def _imported() -> dict[str, str]:
    """Each submodule of an SDK that a file of ours imports, and the file."""
    found: dict[str, str] = {}
    for folder in ("components", "providers", "infra", "policy", "tests"):
        for path in (_ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                    names = [f"{node.module}.{alias.name}" for alias in node.names]
                elif isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                else:
                    continue
                sdk = [name for name in names if name.partition(".")[0] in _SDKS]
                found |= {".".join(name.split(".")[:2]): str(path.relative_to(_ROOT)) for name in sdk}
    return found


def _patterns(how: str) -> list[str]:
    """The patterns of modules whose imports mypy follows in this way."""
    overrides = tomllib.loads((_ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["overrides"]
    return [module for each in overrides if each.get("follow_imports") == how for module in each["module"]]


@pytest.mark.parametrize(("module", "path"), sorted(_imported().items()))
def test_what_is_imported_of_an_sdk_is_checked(module: str, path: str) -> None:
    skipped = f"{module.partition('.')[0]}.*" in _patterns("skip")
    followed = _patterns("silent")
    assert not skipped or any(module == each or fnmatch(f"{module}.x", each) for each in followed), (
        f"{path} imports {module}, which mypy skips: add it to the overrides in pyproject.toml"
    )


def test_only_a_clouds_own_folder_imports_its_sdk() -> None:
    allowed = {
        "pulumi_aws": ("providers/aws/", "tests/providers/", "tests/policy/"),
        "pulumi_gcp": ("providers/gcp/", "tests/providers/", "tests/policy/"),
    }
    for module, path in _imported().items():
        assert path.startswith(allowed[module.partition(".")[0]]), f"{path} imports {module}"
