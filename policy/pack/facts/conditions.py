"""Conditions of IAM's statements: whom and what they leave."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from policy.pack.facts.ranges import are_anywhere

_CALLERS = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:principalservicename",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpcarn",
        "aws:sourcevpce",
        "aws:userid",
        "aws:username",
        "aws:vpcsourceip",
        "kms:calleraccount",
        "lambda:sourcefunctionarn",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
    }
)
"""Keys that say who calls, or from where; in lower case, as IAM takes them in any. How (TLS, a date, an
external id that others know) is no answer to who."""
_RESOURCES = re.compile(r"(^aws:resource(account|orgid|orgpaths)$|:resourcetag/|^kms:resourcealiases$)")
_REQUESTED = re.compile(r"^(aws:requesttag/|ec2:createaction$)")
_MATCHING = re.compile(r"^(foranyvalue:)?(string(equals|equalsignorecase|like)|arn(equals|like)|ipaddress)$")
"""Operators that a request passes only if it has the key: neither `…IfExists` nor `ForAllValues:` are."""
_EXCLUDING = re.compile(r"^(forallvalues:)?(stringnot\w+|arnnot\w+|notipaddress)(ifexists)?$")
_ARN_KEYS = frozenset({"aws:principalarn", "aws:sourcearn", "aws:sourcevpcarn", "lambda:sourcefunctionarn"})


@dataclass(frozen=True)
class Condition:
    """One key of a statement's conditions, its operator and key in lower case."""

    operator: str
    key: str
    values: tuple[str, ...]

    @property
    def is_matching(self) -> bool:
        """Whether a request passes only if it has the key, with one of the values."""
        return bool(_MATCHING.match(self.operator))

    @property
    def names_callers(self) -> bool:
        """Whether only named callers pass it."""
        return self.is_matching and self._lists_callers

    @property
    def excludes_all_but_some(self) -> bool:
        """Whether named callers alone do not match it: in a Deny, it leaves these."""
        return bool(_EXCLUDING.match(self.operator)) and self._lists_callers

    @property
    def names_resources(self) -> bool:
        """Whether only resources of some tag, account or alias pass it."""
        named = _RESOURCES.search(self.key) or _REQUESTED.search(self.key)
        return bool(named and self.is_matching and not any(map(_is_all, self.values)))

    @property
    def is_clear_text(self) -> bool:
        """Whether exactly requests without TLS match it."""
        return (
            self.operator in ("bool", "boolifexists")
            and self.key == "aws:securetransport"
            and {value.lower() for value in self.values} == {"false"}
        )

    @property
    def _lists_callers(self) -> bool:
        if self.key not in _CALLERS and not self.key.startswith("aws:principaltag/"):
            return False
        if are_anywhere(self.values):
            return False
        return bool(self.values) and not any(self._is_anybody(value) for value in self.values)

    def _is_anybody(self, value: str) -> bool:
        if self.key in _ARN_KEYS:
            # The account says who, or for what has none in its ARN (a bucket) the name.
            *parts, account, name = ["", *value.split(":", 5)][-6:]
            return len(parts) < 4 or _is_all(account or name)
        return _is_all(value)


def conditions_of(given: Any) -> tuple[Condition, ...]:
    return tuple(_conditions(given))


def _conditions(given: Any) -> Iterator[Condition]:
    for operator, keys in given.items() if isinstance(given, Mapping) else ():
        for key, values in keys.items() if isinstance(keys, Mapping) else ():
            listed = values if isinstance(values, list) else [values]
            yield Condition(str(operator).lower(), str(key).lower(), tuple(str(each) for each in listed))


def _is_all(value: str) -> bool:
    return not value.strip("*?/: ")
