"""`python -m tests.testbed build | up | down | status | kubeconfig | images`: the testbed on the command
line."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from providers.local.artifacts import ArtifactError
from providers.local.paths import cache_directory, stack_directory
from tests.testbed.commands import run
from tests.testbed.errors import TestbedError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.testbed", description=__doc__)
    parser.add_argument("--cache", type=Path, default=cache_directory(), help="default: %(default)s")
    parser.add_argument(
        "--directory",
        type=Path,
        default=stack_directory("testbed"),
        help="where everything of the running testbed is; default: %(default)s",
    )
    actions = parser.add_subparsers(dest="action", required=True)
    for name, explanation in {
        "build": "build its programs and images (once; long), and install the Debian packages that it needs",
        "up": "start it and load its images",
        "down": "stop it without a trace",
        "status": "what runs, or what is left on this machine (exit code 1 when there is something)",
        "kubeconfig": "print the path of its kubeconfig",
        "images": "make the images and list them",
    }.items():
        action = actions.add_parser(name, help=explanation)
        if name in ("build", "up", "down", "status", "kubeconfig"):
            action.add_argument("--api-only", action="store_true", help="etcd and the API server alone")
        if name in ("up", "images"):
            action.add_argument("names", nargs="*", metavar="SOFTWARE", help="only these rows of the table")
    return parser


def main() -> int:
    options = _parser().parse_args()
    console = Console(highlight=False, soft_wrap=True)
    try:
        return run(options, lambda line: console.print(line, markup=False))
    except (ArtifactError, TestbedError) as error:
        Console(stderr=True, highlight=False).print(str(error), style="red", markup=False, soft_wrap=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
