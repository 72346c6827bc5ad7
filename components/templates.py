"""Templates: the placeholders that commands, environment and files of a workload may hold.

A placeholder is `{name}` or `{name.part}`; only names in the given table are replaced, so JSON
braces and shell variables pass through untouched. The cluster fills the table:

| placeholder    | value                                                                   |
|----------------|-------------------------------------------------------------------------|
| `{home}`       | directory where the software is                                         |
| `{java}`       | the Java that it runs on                                                |
| `{home.NAME}`  | directory of another software that the workload uses                    |
| `{run}`        | directory where the workload's files are put                            |
| `{workload}`   | the workload's name, `-` for `_`                                        |
| `{data}`       | its volume                                                              |
| `{bind}`       | the address that a server listens on                                    |
| `{host}`       | the name by which this replica is reached by its peers                  |
| `{port.NAME}`  | the number of the named port                                            |
| `{index}`      | this replica's number, from 0                                           |
| `{peers.NAME}` | `host:port` of every replica at the named port, comma-separated         |
| `{peer.NAME.N}`| `host:port` of replica N at the named port                              |
| `{outside}`    | `host:port` of this replica's port `outside`, for clients beyond the    |
|                | cluster, where it is exposed                                            |
"""

import json
import re
from collections.abc import Mapping
from typing import Any

_PLACEHOLDER = re.compile(r"\{([a-z]+(?:\.[a-z0-9_-]+)*)\}")
_BRACE = re.compile(r"\{(?=[a-z])")
_NAMES = frozenset(
    {"home", "java", "run", "data", "workload", "bind", "host", "port", "index", "peer", "peers", "outside"}
)


class UnknownPlaceholderError(KeyError):
    """Reports a placeholder in a template for which its cluster has no value."""

    def __init__(self, placeholder: str, known: Mapping[str, str]) -> None:
        self.placeholder = placeholder
        super().__init__(f"{{{placeholder}}} has no value here; known: {', '.join(sorted(known)) or 'none'}")


def render(template: str, values: Mapping[str, str]) -> str:
    """Replaces the placeholders of `template` by `values`, whose keys have no braces.

    Raises UnknownPlaceholderError for a placeholder of the table above that has no value. Braces around
    anything else are text.
    """

    def replace(match: re.Match[str]) -> str:
        key = match[1]
        if key in values:
            return values[key]
        if key.partition(".")[0] in _NAMES:
            raise UnknownPlaceholderError(key, values)
        return match[0]

    return _PLACEHOLDER.sub(replace, template)


def literal_json(value: Any, indent: int | None = None) -> str:
    """Returns `value` as JSON without placeholders, so that each text arrives as it was written: every
    brace in a text is escaped."""
    return _BRACE.sub(r"\\u007b", json.dumps(value, indent=indent, sort_keys=True))


def placeholders(text: str) -> list[str]:
    """Returns the placeholders of the table above that `text` holds, without braces."""
    return [key for key in _PLACEHOLDER.findall(text) if key.partition(".")[0] in _NAMES]
