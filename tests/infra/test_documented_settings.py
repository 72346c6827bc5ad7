"""What the documentation says of the stack file is what the settings take."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.settings import Settings
from infra.stack_file import KEY
from tests.infra.external_servers import PEM

_ROOT = Path(__file__).parents[2]
_PAGES = sorted([*(_ROOT / "docs").rglob("*.md"), *_ROOT.glob("*.md")])
_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_DOTTED = re.compile(r"`((?:nebula:platform\.)?[a-z_]+(?:\.[a-z_]+)+)`")
_BELOW_THE_KEY = "    "
"""A block that begins so leaves out `config:` and the line below it."""


@dataclass(frozen=True)
class Block:
    """A block of a page, where it begins, and the settings in it."""

    where: str
    settings: Mapping[str, Any]


def _blocks() -> Iterator[Block]:
    for page in _PAGES:
        text = page.read_text()
        for found in _BLOCK.finditer(text):
            content = found[1]
            if content.startswith(_BELOW_THE_KEY):
                content = f"config:\n  {KEY}:\n{content}"
            document = yaml.safe_load(content)
            if isinstance(document, dict) and KEY in document.get("config", {}):
                line = text[: found.start()].count("\n") + 1
                yield Block(f"{page.relative_to(_ROOT)}:{line}", document["config"][KEY])


_BLOCKS = list(_blocks())


def _given(value: Any) -> Any:
    """What the program is given of a stack file: secrets in clear, here any; a certificate that is cut short
    on the page is a whole one."""
    match value:
        case {"secure": _}:
            return "given-secret"
        case dict():
            return {key: _given(item) for key, item in value.items()}
        case list():
            return [_given(item) for item in value]
        case str() if value.startswith("-----BEGIN CERTIFICATE-----"):
            return PEM
    return value


def _parsed(block: Block) -> Settings:
    """On the cloud that the block names, or else the page."""
    cloud = "kubernetes" if block.where.startswith("docs/kubernetes.md") else "local"
    return Settings.model_validate_json(json.dumps({"cloud": cloud, **_given(block.settings)}, default=str))


@pytest.mark.parametrize("block", _BLOCKS, ids=lambda block: block.where)
def test_every_documented_stack_file_is_valid(block: Block) -> None:
    assert _parsed(block).model_fields_set >= set(block.settings)


def test_the_pages_for_users_have_such_a_block() -> None:
    """Else the test above would pass without them."""
    pages = {block.where.partition(":")[0] for block in _BLOCKS}
    assert pages >= {"README.md", "docs/kubernetes.md", "docs/bring-your-own.md", "docs/projections.md"}


def test_the_documented_site_gives_all_that_can_be_given() -> None:
    (site,) = [block for block in _BLOCKS if block.where.startswith("docs/bring-your-own.md")]
    external = _parsed(site).external
    assert external.model_fields_set == set(type(external).model_fields)


def _keys(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of each key that an object may have, `*` for any other; of a list, those of its items."""
    if name := schema.get("$ref"):
        return _keys(definitions[name.rpartition("/")[2]], definitions)
    found: dict[str, Any] = dict(schema.get("properties", {}))
    if isinstance(others := schema.get("additionalProperties"), dict):
        found["*"] = others
    for further in (*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else ())):
        found |= _keys(further, definitions)
    return found


def _unknown(path: str) -> str | None:
    """The first key of a dotted path that the settings do not know."""
    schema: dict[str, Any] = Settings.model_json_schema()
    definitions = schema["$defs"]
    for key in path.split("."):
        known = _keys(schema, definitions)
        if (found := known.get(key, known.get("*"))) is None:
            return key
        schema = found
    return None


def _named() -> Iterator[tuple[str, str]]:
    """Page and dotted path of each setting that is named in a sentence."""
    for page in _PAGES:
        for path in _DOTTED.findall(_CODE.sub("", page.read_text())):
            plain = path.removeprefix(f"{KEY}.")
            if plain != path or plain.partition(".")[0] in Settings.model_fields:
                yield str(page.relative_to(_ROOT)), plain


@pytest.mark.parametrize(("page", "path"), sorted(set(_named())))
def test_every_setting_that_is_named_exists(page: str, path: str) -> None:
    assert _unknown(path) is None, f"{page} names {path}"


@pytest.mark.parametrize("path", ["kubernetes.mirror", "expose.trino.host", "external.redis.user"])
def test_a_setting_that_does_not_exist_is_found(path: str) -> None:
    assert _unknown(path) == path.rpartition(".")[2]
