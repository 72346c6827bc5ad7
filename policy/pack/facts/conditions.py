"""Reads the conditions of IAM statements: which callers and resources they leave."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from policy.pack.facts.ranges import are_anywhere

_IDS = frozenset(
    {
        "aws:principalaccount",
        "aws:principalorgid",
        "aws:sourceaccount",
        "aws:sourceorgid",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "kms:calleraccount",
        "s3:dataaccesspointaccount",
    }
)
"""Keys that say who calls, or from where, by an id; in lower case, as IAM takes them in any. How (TLS, a
date, an external id that others know) is no answer to who, nor is what anybody can have in an account of
one's own: a tag, a user's name, a private address, a service."""
_PATHS = frozenset({"aws:principalorgpaths", "aws:sourceorgpaths"})
_ARNS = frozenset(
    {
        "aws:principalarn",
        "aws:sourcearn",
        "aws:sourcevpcarn",
        "lambda:sourcefunctionarn",
        "s3:dataaccesspointarn",
    }
)
_LITERAL = re.compile(r"^[^*?$]+$")
"""No wildcard, and no variable that a caller fills."""
_ORGANISATION = re.compile(r"^[^*?$/]+/")
_USER_ID = re.compile(r"^A[A-Z]{3}[A-Z0-9]+(:|$)")
"""The id of a user or a role, which AWS gives once; a session's name may follow."""
_RESOURCES = re.compile(r"(:resourcetag/|^kms:resourcealiases$)")
_REQUESTED = re.compile(r"^(aws:requesttag/|ec2:createaction$)")
_MATCHING = re.compile(r"^(foranyvalue:)?(string(equals|equalsignorecase|like)|arn(equals|like)|ipaddress)$")
"""Operators that a request passes only if it has the key: neither `…IfExists` nor `ForAllValues:` are."""
_EXCLUDING = re.compile(r"^(forallvalues:)?(stringnot\w+|arnnot\w+|notipaddress)(ifexists)?$")


@dataclass(frozen=True)
class Condition:
    """One key of a statement's conditions, its operator and key in lower case."""

    operator: str
    key: str
    values: tuple[str, ...]

    @property
    def is_matching(self) -> bool:
        """True if a request passes only if it has the key, with one of the values."""
        return bool(_MATCHING.match(self.operator))

    @property
    def names_callers(self) -> bool:
        """True if only named callers pass it."""
        return self.is_matching and self._lists_callers

    @property
    def excludes_all_but_some(self) -> bool:
        """True if named callers alone do not match it: in a Deny, it leaves these."""
        return bool(_EXCLUDING.match(self.operator)) and self._lists_callers

    @property
    def names_resources(self) -> bool:
        """True if only resources of some tag or alias pass it. An account or an organisation names none:
        what an identity may do is on its own account's resources anyway."""
        named = _RESOURCES.search(self.key) or _REQUESTED.search(self.key)
        return bool(named and self.is_matching and not any(map(_is_all, self.values)))

    @property
    def is_clear_text(self) -> bool:
        """True if exactly requests without TLS match it."""
        return (
            self.operator in ("bool", "boolifexists")
            and self.key == "aws:securetransport"
            and {value.lower() for value in self.values} == {"false"}
        )

    @property
    def _lists_callers(self) -> bool:
        if self.key == "aws:sourceip":
            return bool(self.values) and all(map(_is_range, self.values)) and not are_anywhere(self.values)
        return bool(self.values) and all(names_somebody(self.key, value) for value in self.values)


def names_somebody(key: str, value: str) -> bool:
    """True if a value of the key (in lower case) is of one account, organisation, network or resource."""
    if key in _IDS:
        return bool(_LITERAL.match(value))
    if key in _PATHS:
        return bool(_ORGANISATION.match(value))
    if key == "aws:userid":
        return bool(_USER_ID.match(value))
    if key in _ARNS:
        # The account says who, or for what has none in its ARN (a bucket) the name.
        parts = value.split(":", 5)
        return len(parts) == 6 and bool(_LITERAL.match(parts[4] or parts[5].partition("/")[0]))
    return False


def _is_range(value: str) -> bool:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return True


def conditions_of(given: Any) -> tuple[Condition, ...]:
    return tuple(_conditions(given))


def _conditions(given: Any) -> Iterator[Condition]:
    for operator, keys in given.items() if isinstance(given, Mapping) else ():
        for key, values in keys.items() if isinstance(keys, Mapping) else ():
            listed = values if isinstance(values, list) else [values]
            yield Condition(str(operator).lower(), str(key).lower(), tuple(str(each) for each in listed))


def _is_all(value: str) -> bool:
    return not value.strip("*?/: ")
