"""How rules are run: none of them ends the preview that it judges."""

from collections.abc import Iterator

from policy.pack.analyzer import judged
from policy.pack.model import Resource, Stack


def _fails(resource: Resource, stack: Stack) -> Iterator[str]:
    yield "said before"
    raise KeyError("spec")


def test_a_rule_that_fails_over_a_resource_has_not_passed_it() -> None:
    found = list(judged(_fails, Resource("a", "b"), Stack(), "Bucket b"))
    assert found == ["said before", "Bucket b cannot be judged: KeyError: 'spec'"]
