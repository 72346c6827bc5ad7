"""Values that a preview cannot know, in the form that they will have."""

import asyncio
from typing import Any

import pulumi
import pytest
from pulumi.output import UNKNOWN

from providers.foreseen import foreseen

FORM = "arn:aws:::form"


def _seen(value: Any, *, preview: bool, monkeypatch: pytest.MonkeyPatch) -> tuple[object, bool]:
    """What is seen of `value` by whoever is given it as foreseen, and whether it is known."""
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: preview)

    async def ready(given: Any) -> Any:
        return given

    async def see() -> tuple[object, bool]:
        output: pulumi.Output[Any] = pulumi.Output(set(), ready(value), ready(value is not UNKNOWN))
        found = foreseen(output, FORM)
        return await found.future(with_unknowns=True), await found.is_known()

    return asyncio.run(see())


@pytest.mark.parametrize(
    ("value", "seen"), [(UNKNOWN, (FORM, True)), ("arn:aws:::it", ("arn:aws:::it", True))]
)
def test_a_preview_sees_the_form_of_what_it_does_not_know(
    value: Any, seen: tuple[object, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _seen(value, preview=True, monkeypatch=monkeypatch) == seen


def test_an_update_never_sees_the_form(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _seen("arn:aws:::it", preview=False, monkeypatch=monkeypatch) == ("arn:aws:::it", True)
    assert not _seen(UNKNOWN, preview=False, monkeypatch=monkeypatch)[1]
