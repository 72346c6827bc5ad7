"""`python -m infra.costs --preview preview.json`: prints the estimate of a previewed stack.

`--preview` takes what `pulumi preview --json --show-sames` prints, `--events` an event log, and `--state`
what `pulumi stack export` prints; `-` reads it from stdin. `--json` prints plain values instead of a table.
Exits with 1 and prints no estimate when the file does not hold a whole stack.
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
    """Runs the command line with `arguments`, and returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.costs", description="Estimate what a stack costs monthly."
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--preview", metavar="FILE", help="the output of pulumi preview --json --show-sames")
    source.add_argument("--events", metavar="FILE", help="an event log of pulumi preview or up")
    source.add_argument("--state", metavar="FILE", help="the output of pulumi stack export")
    parser.add_argument("--json", action="store_true", help="print plain values as JSON")
    parser.add_argument(
        "--parked",
        action="store_true",
        help="name the resources that the cloud bills while the stack is parked",
    )
    given = parser.parse_args(arguments)
    return ended(lambda: _run(given), HERE)


def _run(given: argparse.Namespace) -> int:
    try:
        resources = _resources(given)
    except (IncompleteError, OSError) as error:
        return _refused(str(error))
    except ValueError as error:
        return _refused(f"The file is not JSON: {error}.")
    found = estimate(resources)
    if given.json:
        print(json.dumps(found.as_dict(), indent=2))
    elif found.empty:
        print("No cloud bills any resource of this stack.")
    else:
        show(found, Console(), parked=given.parked)
    return 0


def _refused(problem: str) -> int:
    print(f"error: Nothing was estimated. {problem}", file=sys.stderr)
    return 1


def _resources(given: argparse.Namespace) -> list[Resource]:
    """Reads the resources from the file that `given` names. Raises IncompleteError when it holds no whole
    stack, OSError when it cannot be read, and ValueError when it is not JSON."""
    text = _read(given.preview or given.events or given.state)
    if given.events:
        resources = from_events(text.splitlines())
    else:
        document = json.loads(text)
        if not isinstance(document, dict):
            raise IncompleteError(
                "The file holds JSON, but not a JSON object. Give the output of `pulumi preview --json "
                "--show-sames` to --preview, or of `pulumi stack export` to --state."
            )
        resources = (
            from_preview(document) if given.preview else from_deployment(document.get("deployment") or {})
        )
    if not resources:
        raise IncompleteError(
            "The file holds no resource. Check that it is what its option (--preview, --events, --state) "
            "takes, and that the stack has resources."
        )
    return resources


def _read(name: str) -> str:
    return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
