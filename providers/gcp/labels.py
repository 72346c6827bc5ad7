"""Makes the labels of every resource that can have some."""

import re

from providers.ownership import Ownership

_LONGEST = 63
_FOREIGN = re.compile(r"[^a-z0-9_-]")


class Labels(Ownership):
    """The labels of one stack. Characters that Google does not admit in a value are replaced
    (https://cloud.google.com/compute/docs/labeling-resources#requirements)."""

    def of(self, component: str) -> dict[str, str]:
        """Returns the labels of a resource of `component`."""
        return {key: _value(value) for key, value in self.known(component).items()}


def _value(text: str) -> str:
    return _FOREIGN.sub("-", text.lower())[:_LONGEST]
