"""IAM policy documents, as AWS reads them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from policy.pack.model import UNKNOWN


@dataclass(frozen=True)
class Statement:
    """One statement of a document, with every list as a tuple."""

    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    by_anybody: bool
    conditions: Mapping[str, Any]

    @property
    def wildcard_actions(self) -> tuple[str, ...]:
        return tuple(action for action in self.actions if "*" in action)

    @property
    def on_everything(self) -> bool:
        """Whether it is on all resources, or on all of a service."""
        return any(each.split(":", 5)[-1] in ("*", "*/*", "*:*") for each in self.resources)


def statements(document: Any) -> Iterator[Statement]:
    """The statements of `document`, JSON or a mapping: none of one that is not known yet."""
    if document is None or document is UNKNOWN:
        return
    content = json.loads(document) if isinstance(document, str) and document.startswith("{") else document
    if not isinstance(content, Mapping):
        return
    found = content.get("Statement") or ()
    for statement in [found] if isinstance(found, Mapping) else found:
        if isinstance(statement, Mapping):
            yield _statement(statement)


def _statement(given: Mapping[str, Any]) -> Statement:
    principal = given.get("Principal")
    named = principal.values() if isinstance(principal, Mapping) else [principal]
    conditions = given.get("Condition")
    # Everything but what is named, is a wildcard.
    actions = ("*",) if "NotAction" in given else _texts(given.get("Action"))
    resources = ("*",) if "NotResource" in given else _texts(given.get("Resource"))
    return Statement(
        allows=given.get("Effect") == "Allow",
        actions=actions,
        resources=resources,
        by_anybody=any("*" in _texts(each) for each in named),
        conditions=conditions if isinstance(conditions, Mapping) else {},
    )


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in (value if isinstance(value, list) else [value]) if item is not None)
