"""Texts are read once, however many rules ask."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from policy.pack.rules import RULES
from tests.policy.pack.case import PRODUCTION, resource


def test_a_text_is_parsed_once_for_all_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []
    load_all = yaml.load_all

    def counted(text: str, **loader: Any) -> Iterator[Any]:
        parsed.append(text)
        return load_all(text, **loader)

    monkeypatch.setattr(yaml, "load_all", counted)
    text = "spec:\n  containers:\n  - name: of-this-test\n"
    given = resource("kubernetes:core/v1:ConfigMap", {"data": {"pod.yaml": text}})

    said = [message for rule in RULES if rule.resource for message in rule.resource(given, PRODUCTION)]

    assert said
    assert parsed == [text]
