"""`python -m infra.costs --preview preview.json`: the estimate of a previewed stack.

The preview is `pulumi preview --json --show-sames`, `--events` an event log, `--state` what
`pulumi stack export` prints. `--json` prints plain values instead of a table. `-` is stdin.
"""

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console

from infra.costs.estimate import estimate
from infra.costs.report import show
from infra.costs.resources import from_deployment, from_events, from_preview


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.costs", description="What a stack costs monthly.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--preview", metavar="FILE", help="of pulumi preview --json --show-sames")
    source.add_argument("--events", metavar="FILE", help="an event log of preview or up")
    source.add_argument("--state", metavar="FILE", help="of pulumi stack export")
    parser.add_argument("--json", action="store_true", help="plain values")
    parser.add_argument("--parked", action="store_true", help="say what the cloud does not stop")
    given = parser.parse_args(arguments)
    text = _read(given.preview or given.events or given.state)
    if given.events:
        resources = from_events(text.splitlines())
    elif given.preview:
        resources = from_preview(json.loads(text))
    else:
        resources = from_deployment(json.loads(text).get("deployment") or {})
    found = estimate(resources)
    if given.json:
        print(json.dumps(found.as_dict(), indent=2))
    elif found.empty:
        print("No cloud bills anything of this stack.")
    else:
        show(found, Console(), parked=given.parked)
    return 0


def _read(name: str) -> str:
    return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
