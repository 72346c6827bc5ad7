"""Gives values that a preview cannot know yet the form that they will have.

A policy document is one text. If it has one name in it that only the cloud knows, a preview knows nothing of
the document, and policies could not judge it.
"""

from typing import Any

import pulumi
from pulumi.output import contains_unknowns

NOT_YET_KNOWN = "not-known-before-the-update"
"""What stands for the part of a name that the cloud gives."""


def foreseen(value: pulumi.Input[str], form: str) -> pulumi.Output[str]:
    """Returns `value`, or `form` in a preview that does not know it. An update never sees `form`."""
    given = pulumi.Output.from_input(value)

    def known(found: Any) -> pulumi.Input[str]:
        if not contains_unknowns(found):
            return str(found)
        return form if pulumi.runtime.is_dry_run() else given

    return given.apply(known, run_with_unknowns=True)
