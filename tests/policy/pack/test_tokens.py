"""Every type token of the pack, against what the SDKs register."""

import ast
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import policy.pack
from policy.pack import tokens

PACK = Path(policy.pack.__file__).parent
_TOKEN = re.compile(r"^(aws|gcp|kubernetes|docker|random):[^:\s]+/[^:\s]+:\w+$")


def _registered(package: str) -> set[str]:
    """The tokens in the SDK's own table, read from its source: importing it whole takes seconds."""
    found = importlib.util.find_spec(f"pulumi_{package}")
    assert found is not None
    assert found.origin is not None
    source = Path(found.origin).read_text()
    table = re.search(r'resource_modules="""(.*?)"""', source, re.DOTALL)
    assert table, found.origin
    return {token for module in json.loads(table[1]) for token in module["classes"]}


def _strings(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _unregistered(used: set[str]) -> set[str]:
    packages = {token.partition(":")[0] for token in used}
    return used - {token for package in packages for token in _registered(package)}


USED = {text for text in _strings((PACK / "tokens.py").read_text()) if _TOKEN.match(text)}


def test_every_token_is_registered_by_its_sdk() -> None:
    assert len(USED) > 60
    assert _unregistered(USED) == set()


@pytest.mark.parametrize(
    "misspelt",
    ["aws:s3/bucket:bucket", "aws:s3:Bucket", "gcp:storage/Bucket:Bucket", "kubernetes:apps/v1:StatefulSets"],
)
def test_a_misspelt_token_is_found(misspelt: str) -> None:
    assert _unregistered({*USED, misspelt}) == {misspelt}


def test_no_rule_has_a_token_of_its_own() -> None:
    files = [path for path in PACK.rglob("*.py") if path.name != "tokens.py"]
    assert len(files) > 8
    assert [
        (path.name, text) for path in files for text in _strings(path.read_text()) if _TOKEN.match(text)
    ] == []


def test_every_named_token_is_used_by_a_rule() -> None:
    rules = "\n".join(path.read_text() for path in PACK.rglob("*.py") if path.name != "tokens.py")
    collected = (
        tokens.AWS_BUCKETS,
        tokens.AWS_INGRESS_RULES,
        tokens.AWS_SEARCH_DOMAINS,
        tokens.LABELLED,
        tokens.OTHER_POLICIES,
        tokens.TAGGED,
        tokens.UNSEEN,
    )
    unused = {
        name
        for name, value in vars(tokens).items()
        if name.isupper() and isinstance(value, str) and not any(value in each for each in collected)
        if not re.search(rf"\b{name}\b", rules)
    }
    assert unused == set()


def _properties(token: str) -> set[str]:
    """The properties that the SDK documents for a type, as the engine knows them, from its source."""
    package, module, _ = token.split(":")
    located = importlib.util.find_spec(f"pulumi_{package}")
    assert located is not None
    assert located.origin is not None
    names = re.sub(r"(?<!^)(?=[A-Z])", "_", module.partition("/")[2]).lower()
    source = (Path(located.origin).parent / module.partition("/")[0] / f"{names}.py").read_text()
    pythonic = re.findall(r"def (\w+)\(self\) -> (?:_builtins|pulumi|Optional)", source)
    return {*pythonic, *re.findall(r'@pulumi\.getter\(name="(\w+)"\)', source)}


@pytest.mark.parametrize("token", sorted(tokens.TAGGED))
def test_what_must_be_tagged_takes_tags(token: str) -> None:
    assert "tags" in _properties(token)


@pytest.mark.parametrize("token", sorted(tokens.LABELLED))
def test_what_must_be_labelled_takes_labels(token: str) -> None:
    assert tokens.LABELLED[token].partition(".")[0] in _properties(token)
