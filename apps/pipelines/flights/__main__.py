"""`python -m apps.pipelines.flights run SPEC.json [--exclude-month 7 ...]`: see README.md."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from apps.kit import output, result
from apps.kit.errors import AppError
from apps.kit.network import reach_loopback_directly, read_no_netrc
from apps.kit.settings import load, secrets_of
from apps.pipelines.flights.pipeline import run
from apps.pipelines.flights.source import MONTHS
from apps.pipelines.flights.spec import SPEC


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the pipeline; returns the exit code."""
    options = _parser().parse_args(arguments)
    redact = output.Redaction()
    try:
        spec = load(options.spec, SPEC)
        redact = output.Redaction(secrets_of(spec))
        output.configure(redact)
        read_no_netrc()
        reach_loopback_directly()
        result.write_result(run(spec, frozenset(options.exclude_month)))
    except AppError as error:
        print(redact(f"flights: {error}"), file=sys.stderr)
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m apps.pipelines.flights", description=run.__doc__)
    commands = parser.add_subparsers(required=True, metavar="run")
    command = commands.add_parser("run", help="bring bronze, silver and gold to hold the flights")
    command.add_argument("spec", type=Path, metavar="SPEC.json")
    command.add_argument(
        "--exclude-month",
        type=int,
        action="append",
        default=[],
        choices=MONTHS,
        metavar="MONTH",
        help="leave the flights of this month (1 to 12) out; may be repeated",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
