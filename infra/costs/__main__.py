"""`python -m infra.costs --preview preview.json`: the estimate of a previewed stack.

The preview is `pulumi preview --json --show-sames`, `--events` an event log, `--state` what
`pulumi stack export` prints. `--json` prints plain values instead of a table. `-` is stdin.
Ends with 1, and no sum, for what holds no whole stack.
"""

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console

from infra.costs.estimate import estimate
from infra.costs.report import show
from infra.costs.resources import IncompleteError, from_deployment, from_events, from_preview
from infra.engine.checkout import HERE
from infra.engine.ending import ended
from providers.costs import Resource


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.costs", description="What a stack costs monthly.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--preview", metavar="FILE", help="of pulumi preview --json --show-sames")
    source.add_argument("--events", metavar="FILE", help="an event log of preview or up")
    source.add_argument("--state", metavar="FILE", help="of pulumi stack export")
    parser.add_argument("--json", action="store_true", help="plain values")
    parser.add_argument("--parked", action="store_true", help="say what the cloud does not stop")
    given = parser.parse_args(arguments)
    return ended(lambda: _run(given), HERE)


def _run(given: argparse.Namespace) -> int:
    try:
        resources = _resources(given)
    except (IncompleteError, OSError, ValueError) as error:
        print(f"error: nothing was estimated: {error}", file=sys.stderr)
        return 1
    found = estimate(resources)
    if given.json:
        print(json.dumps(found.as_dict(), indent=2))
    elif found.empty:
        print("No cloud bills anything of this stack.")
    else:
        show(found, Console(), parked=given.parked)
    return 0


def _resources(given: argparse.Namespace) -> list[Resource]:
    """Raises IncompleteError, OSError, and ValueError for what is not JSON."""
    text = _read(given.preview or given.events or given.state)
    if given.events:
        resources = from_events(text.splitlines())
    else:
        document = json.loads(text)
        if not isinstance(document, dict):
            raise IncompleteError("this is no preview and no state, but a list or a word")
        resources = (
            from_preview(document) if given.preview else from_deployment(document.get("deployment") or {})
        )
    if not resources:
        raise IncompleteError("there is no resource in it: is it of this kind, and of a stack that has any?")
    return resources


def _read(name: str) -> str:
    return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
