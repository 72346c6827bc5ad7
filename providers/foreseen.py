"""Values that a preview cannot know yet, in the form that they will have.

A policy document is one text: with one name in it that only the cloud gives, a preview would know nothing
of it, and could not judge whom it lets do what.
"""

from typing import Any

import pulumi
from pulumi.output import contains_unknowns

NOT_YET_KNOWN = "not-known-before-the-update"
"""What stands for the part of a name that the cloud gives."""


def foreseen(value: pulumi.Input[str], form: str) -> pulumi.Output[str]:
    """`value`, and `form` in its place in a preview that does not know it. An update never sees `form`."""
    given = pulumi.Output.from_input(value)

    def known(found: Any) -> pulumi.Input[str]:
        if not contains_unknowns(found):
            return str(found)
        return form if pulumi.runtime.is_dry_run() else given

    return given.apply(known, run_with_unknowns=True)
