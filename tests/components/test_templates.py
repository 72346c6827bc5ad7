"""Templates replace their own placeholders and nothing else."""

import json

import pytest

from components.templates import UnknownPlaceholderError, literal_json, render

_VALUES = {"home": "/opt/trino", "home.spark": "/opt/spark", "port.http": "28080", "peer.controller.0": "a:1"}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{home}/bin:{home.spark}/bin", "/opt/trino/bin:/opt/spark/bin"),
        ("0@{peer.controller.0}", "0@a:1"),
        ("${HOME} $HOME {Home} {}", "${HOME} $HOME {Home} {}"),
        ("{name} {other.thing}", "{name} {other.thing}"),
        (json.dumps({"home": {"port": 1}}), json.dumps({"home": {"port": 1}})),
    ],
)
def test_only_known_placeholders_are_replaced(template: str, expected: str) -> None:
    assert render(template, _VALUES) == expected


@pytest.mark.parametrize("placeholder", ["{data}", "{port.sql}", "{home.kafka}", "{peer.controller.1}"])
def test_placeholder_without_a_value_is_an_error_that_lists_the_known(placeholder: str) -> None:
    with pytest.raises(UnknownPlaceholderError, match=r"known: home, home\.spark"):
        render(placeholder, _VALUES)


def test_a_value_is_not_rendered_again() -> None:
    assert render("{home}", {"home": "{data}", "data": "/d"}) == "{data}"


@pytest.mark.parametrize(
    "text", ["{home}", "{data}", "\\{home}", '"{port.http}"', "{{home}}", "ü {peer.x.0} {"]
)
def test_a_text_in_literal_json_is_no_template(text: str) -> None:
    value = {"a": [text], text: {"b": text}}
    assert json.loads(render(literal_json(value), _VALUES)) == value
