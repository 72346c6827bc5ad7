"""Compares IAM patterns: `*` stands for any text, `?` for one character."""

import re


def wildcard(pattern: str) -> str:
    """`pattern` with each run of wildcards that any text matches as one `*`: `**` and `?*` are no others."""
    return re.sub(r"[*?]+", lambda run: "*" if "*" in run[0] else run[0], pattern)


def covers(pattern: str, other: str) -> bool:
    """True if `pattern` matches all that `other` matches, itself a pattern. Neither case is folded.

    The text between two stars is looked for once, where it stands first (an atomic group): a regular
    expression that tries every place takes for ever over a pattern of many stars.
    """
    first, *others = (
        "".join("[^*]" if each == "?" else re.escape(each) for each in part)
        for part in wildcard(pattern).split("*")
    )
    if not others:
        return re.fullmatch(first, wildcard(other), re.DOTALL) is not None
    *middle, last = others
    found = first + "".join(f"(?>.*?{part})" for part in middle) + f".*{last}"
    return re.fullmatch(found, wildcard(other), re.DOTALL) is not None
