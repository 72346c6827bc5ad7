"""Finds and reads AWS IAM policy documents anywhere in a resource."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from policy.pack.facts.conditions import Condition, conditions_of
from policy.pack.facts.patterns import wildcard
from policy.pack.model import UNKNOWN, Path, Resource, Unclear, nodes, unclear
from policy.pack.tokens import AWS_ENDPOINT, AWS_ENDPOINT_POLICY, DOCUMENTS, OTHER_POLICIES

HOLDERS = frozenset(
    {
        "accessPolicies",
        "accessPolicy",
        "assumeRolePolicy",
        "deliveryDestinationPolicy",
        "inlinePolicy",
        "kmsPolicyDocument",
        "policy",
        "policyDocument",
        "repositoryPolicy",
        "resourcePolicy",
        "s3PolicyDocument",
        "sessionPolicy",
        "stsPolicyDocument",
    }
)
"""The properties in which AWS's resources take policy documents; elsewhere one is found by its form."""
_CEILINGS = frozenset({AWS_ENDPOINT, AWS_ENDPOINT_POLICY})
"""Types whose documents grant nothing: they limit what others grant."""
_OF_ONE_TYPE = frozenset({"codecommit", "s3", "sns", "sqs"})
_ALL_OF_A_TYPE = re.compile(r"[\w?-]+(\*|\*?[/:]\*)([/:]\*)*")


@dataclass(frozen=True)
class Statement:
    """One statement of a document; every list is a tuple. `principals` has the named principals by kind,
    and is empty in an identity's policy."""

    path: Path
    allows: bool
    actions: tuple[str, ...]
    other_actions: tuple[str, ...]
    resources: tuple[str, ...]
    other_resources: tuple[str, ...]
    principals: tuple[tuple[str, str], ...]
    other_principals: bool
    conditions: tuple[Condition, ...]

    @property
    def of_a_resource(self) -> bool:
        """True if it says who may, and so stands in a resource's own policy or in a role's trust."""
        return bool(self.principals) or self.other_principals

    @property
    def on_everything(self) -> bool:
        """True if it is on all resources, or on all of a service, and no condition names some."""
        everything = bool(self.other_resources) or any(_is_everything(each) for each in self.resources)
        return everything and not any(each.names_resources for each in self.conditions)

    @property
    def on_all_of_a_type(self) -> bool:
        """True if it is on everything of one type, such as `arn:aws:iam::123456789012:role/*` or `…:role*`.
        In services that have one type a name begins where others have the type."""
        listed = [wildcard(each).split(":", 5) for each in self.resources]
        found = any(
            len(parts) == 6 and parts[2] not in _OF_ONE_TYPE and _ALL_OF_A_TYPE.fullmatch(parts[5])
            for parts in listed
        )
        return found and not any(each.names_resources for each in self.conditions)

    @property
    def names_everybody(self) -> bool:
        """True if its principals are everybody, whatever its conditions."""
        return self.other_principals or any("*" in wildcard(name) for _, name in self.principals)

    @property
    def reaches_everybody(self) -> bool:
        """True if no caller is left out: what a denial needs. A service or a user named `*` is nobody."""
        return any(kind == "AWS" and wildcard(name) == "*" for kind, name in self.principals)


@dataclass(frozen=True)
class Document:
    path: Path
    statements: tuple[Statement, ...]


def documents(resource: Resource) -> tuple[list[Document], list[Unclear]]:
    """Returns the documents of an AWS resource, and the properties that should hold one which cannot be
    read."""
    found: list[Document] = []
    if resource.package != "aws" or resource.type in OTHER_POLICIES | _CEILINGS:
        return found, []
    unread = unclear(resource.properties, *DOCUMENTS.get(resource.type, ()))
    for path, value in resource.nodes:
        # One within another document was found with it.
        if any(path[: len(each.path)] == each.path for each in found):
            continue
        if isinstance(value, Mapping) and "Statement" in value:
            found.append(_document(path, value, unread))
        elif _is_held(path):
            found += _held(path, value, unread)
        elif isinstance(value, str) and _STATEMENT.search(value):
            found += _in_text(path, value, unread)
    return found, unread


def _is_held(path: Path) -> bool:
    """True if a document is what stands at `path`: in a property that takes one, or in its list."""
    names = [key for key in path if isinstance(key, str)]
    return bool(names) and names[-1] in HOLDERS


def _held(path: Path, value: Any, unread: list[Unclear]) -> list[Document]:
    """Returns the documents of a property that can only hold documents."""
    if value is None or (isinstance(value, list) and value):
        return []  # it says nothing, or its items are asked one by one
    if value is UNKNOWN:
        unread.append(Unclear(path))
        return []
    found = _in_text(path, value, unread) if isinstance(value, str) else []
    if not found and not any(each.path == path for each in unread):
        unread.append(Unclear(path, "has no Statement: write it as IAM does, or leave it out"))
    return found


def _in_text(path: Path, text: str, unread: list[Unclear]) -> list[Document]:
    try:
        content = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        unread.append(Unclear(path, f"is no JSON ({error}): write it with json.dumps"))
        return []
    within = [each for _, each in nodes(content) if isinstance(each, Mapping) and "Statement" in each]
    return [_document(path, each, unread) for each in within]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Returns a mapping of `pairs`. Raises an error for a key that occurs twice, since readers differ
    over it."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


_STATEMENT = re.compile(r'^\s*\{.*"Statement"\s*:', re.DOTALL)
_ELEMENTS = frozenset(
    {
        *("Action", "Condition", "Effect", "NotAction", "NotPrincipal", "NotResource", "Principal"),
        *("Resource", "Sid"),
    }
)
"""What a statement may have; IAM takes no other, and none in another case."""


def _document(path: Path, content: Mapping[str, Any], unread: list[Unclear]) -> Document:
    unread += unclear(content, *(f"Statement.{each}" for each in sorted(_ELEMENTS - {"Sid"})), at=path)
    given = content.get("Statement")
    statements = []
    for each in given if isinstance(given, list) else [given]:
        if each is UNKNOWN:
            continue
        if reason := _why_none(each):
            unread.append(
                Unclear((*path, "Statement"), f"has a statement that {reason}: write it as IAM does")
            )
        if isinstance(each, Mapping) and each.get("Effect") in ("Allow", "Deny"):
            statements.append(_statement(path, each))
    return Document(path, tuple(statements))


def _why_none(given: Any) -> str:
    """Returns the reason why `given` is no statement that IAM takes, or an empty text."""
    if not isinstance(given, Mapping) or given.get("Effect") not in ("Allow", "Deny", UNKNOWN):
        return "has no Effect of Allow or Deny"
    if others := sorted(str(key) for key in given.keys() - _ELEMENTS):
        return f"has {', '.join(others)}"
    if given.get("Action") is None and given.get("NotAction") is None:
        return "has no Action"
    return ""


def _statement(path: Path, given: Mapping[str, Any]) -> Statement:
    return Statement(
        path=path,
        allows=given.get("Effect") == "Allow",
        actions=_texts(given.get("Action")),
        other_actions=_texts(given.get("NotAction")),
        resources=_texts(given.get("Resource")),
        other_resources=_texts(given.get("NotResource")),
        principals=tuple(_principals(given.get("Principal"))),
        other_principals="NotPrincipal" in given,
        conditions=conditions_of(given.get("Condition")),
    )


def _principals(given: Any) -> Iterator[tuple[str, str]]:
    if isinstance(given, Mapping):
        for kind, names in given.items():
            for name in _texts(names):
                yield str(kind), name
    else:
        for name in _texts(given):
            yield "AWS", name


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in (value if isinstance(value, list) else [value]) if item is not None)


def _is_everything(resource: str) -> bool:
    """True if an ARN's pattern has all of a service: `*`, `arn:*`, `arn:aws:s3:::*`, `…:ec2:*:*:*/*`."""
    parts = wildcard(resource).split(":", 5)
    if len(parts) < 6:
        return parts[-1].endswith("*")
    return re.fullmatch(r"[*?/:]+", parts[5]) is not None
