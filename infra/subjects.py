"""NATS subjects in the stack's configuration: their form, and which messages two of them share.

The module refuses subjects that nats-server 2.15 refuses for streams and consumer filters, and also a
wildcard within a name, which the server would read as plain text.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

_NAME = r"[^\s.*>\x00-\x1f\x7f]+"
_PATTERN = rf"^((\*|{_NAME})\.)*(\*|>|{_NAME})$"
_LONGEST = 255
MOST_TOKENS = 16
"""NATS advises against more, and against longer subjects: https://docs.nats.io/nats-concepts/subjects."""
_RESERVED = ("$JS.>", "$JSC.>", "$NRG.>", "$SYS.>")
_ADVISORIES = ("$JS.EVENT.", "$SYS.ACCOUNT.")
"""The prefixes of the server's own events, which a stream may keep."""


def _subject(text: str) -> str:
    if re.fullmatch(_PATTERN, text) is None:
        raise ValueError(
            f"{text!r} is no subject: names with dots between, none empty or with a space; * stands for one "
            "name, and > at the end for the rest"
        )
    if len(text) > _LONGEST or text.count(".") >= MOST_TOKENS:
        raise ValueError(f"a subject has {_LONGEST} characters and {MOST_TOKENS} names at most")
    return text


Subject = Annotated[
    str,
    AfterValidator(_subject),
    WithJsonSchema({"type": "string", "pattern": _PATTERN, "maxLength": _LONGEST}),
]


def overlap(one: str, other: str) -> bool:
    """Returns True if some subject matches both filters: `*` stands for one token, a last `>` for one or
    more."""
    mine, theirs = one.split("."), other.split(".")
    for left, right in zip(mine, theirs, strict=False):
        if ">" in (left, right):
            return True
        if "*" not in (left, right) and left != right:
            return False
    return len(mine) == len(theirs)


def repeated(subjects: Sequence[str]) -> tuple[int, str] | None:
    """Returns the position of the first subject that overlaps an earlier one, and that earlier one; None
    if none does."""
    for (_, one), (at, other) in combinations(enumerate(subjects), 2):
        if overlap(one, other):
            return at, one
    return None


def has_token(subject: str, number: int) -> bool:
    """Returns True if messages that `subject` matches can have a token `number`, counted from 0."""
    return subject.endswith(">") or number < len(subject.split("."))


def wrong_streams(streams: Mapping[str, Sequence[str]]) -> tuple[str, int, str] | None:
    """Returns the first stream with a subject that a server would refuse, the subject's position and the
    reason; None if there is none. `streams` maps a name to its subjects."""
    seen: list[tuple[str, str]] = []
    for name, subjects in streams.items():
        for at, subject in enumerate(subjects):
            for reserved in _RESERVED:
                if overlap(subject, reserved) and not subject.startswith(_ADVISORIES):
                    return name, at, f"{subject} reaches into {reserved}, which NATS keeps for itself"
            for other, taken in seen:
                if overlap(subject, taken):
                    where = "it" if other == name else f"stream {other}"
                    return name, at, f"{subject} matches messages that {where} keeps by {taken} already"
            seen.append((name, subject))
    return None
