"""Labels: what every resource that can carry some says of itself."""

import re

from providers.ownership import Ownership

_LONGEST = 63
_FOREIGN = re.compile(r"[^a-z0-9_-]")


class Labels(Ownership):
    """Of one stack. A value that Google does not admit is written in the characters that it does
    (https://cloud.google.com/compute/docs/labeling-resources#requirements)."""

    def of(self, component: str) -> dict[str, str]:
        """Those of a resource of `component`."""
        return {key: _value(value) for key, value in self.known(component).items()}


def _value(text: str) -> str:
    return _FOREIGN.sub("-", text.lower())[:_LONGEST]
