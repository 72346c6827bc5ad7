"""Patterns of IAM's, against other patterns."""

import pytest

from policy.pack.facts.patterns import covers, wildcard


@pytest.mark.parametrize(
    ("pattern", "other"),
    [
        ("*", ""),
        ("s3:*", "s3:Get*"),
        ("s3:Get?bject", "s3:GetObject"),
        ("s3:*Object*", "s3:GetObjectVersion"),
        ("a*b*c", "abbcabc"),
        ("?*", "**"),
        ("a?", "a?"),
    ],
)
def test_a_pattern_covers_what_it_matches_all_of(pattern: str, other: str) -> None:
    assert covers(pattern, other)


@pytest.mark.parametrize(
    ("pattern", "other"),
    [
        ("s3:Get*", "s3:*"),
        ("s3:Get?", "s3:Get*"),
        ("a*b*b", "ab"),
        ("a", "ab"),
        ("a.c", "abc"),
        ("A*", "ab"),
        ("*a" * 40 + "b", "a" * 4000),
        ("?" * 40 + "b", "?" * 40_000),
    ],
)
def test_a_pattern_covers_nothing_else(pattern: str, other: str) -> None:
    assert not covers(pattern, other)


def test_wildcards_in_a_row_are_one() -> None:
    assert [wildcard(each) for each in ("**", "?*", "a??", "?" * 40_000 + "*")] == ["*", "*", "a??", "*"]
