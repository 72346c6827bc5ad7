"""`python -m apps.projections`: see docs/projections.md."""

import argparse
import json
import logging
import sys
from pathlib import Path

from apps.kit.errors import AppError
from apps.kit.output import Redaction
from apps.kit.settings import SpecError, secrets_of
from apps.projections import logs, operations, service, shard_main, tokens
from apps.projections.generations.states import AWAITED
from apps.projections.shard import Shard, check_programs, load
from apps.projections.spec import ServiceSpec

_SHOWN = 200
"""Bytes of a quarantined event that `quarantine list` prints."""


def main(arguments: list[str]) -> int:
    """Runs one command, and returns its exit code."""
    options = _parser().parse_args(arguments)
    redact = Redaction()
    try:
        spec, shards = load(options.spec)
        redact = Redaction(secrets_of(spec))
        return _run(options, spec, shards, redact)
    except AppError as error:
        print(redact(f"projections: {error}"), file=sys.stderr)
        return error.exit_code


def _run(options: argparse.Namespace, spec: ServiceSpec, shards: tuple[Shard, ...], redact: Redaction) -> int:
    match options.command:
        case "serve":
            logs.configure(redact)
            check_programs(shards)
            return service.serve(options.spec, spec, shards)
        case "work":
            shard = _one(shards, options.view)
            fields = {"view": shard.view, "shard": shard.projection.shard}
            logs.configure(redact, fields, sys.stderr)
            shard_main.keep(shard)
        case "token":
            print(tokens.make_token(spec.key.get_secret_value(), options.tenant))
        case "status":
            for shard in shards:
                print(_status_line(operations.status(shard)))
        case "rebuild":
            _log_changes()
            shard = _one(shards, options.view)
            begun = shard.generations.begin(shard.projection.program, options.start, shard.projection.source)
            print(
                f"generation {begun.number} is filled from sequence {begun.start}; it answers when it is done"
            )
        case "cut-over":
            _log_changes()
            _one(shards, options.view).generations.cut_over(options.generation)
        case "retire":
            _log_changes()
            if left := operations.retire(_one(shards, options.view), options.generation):
                print(f"generation {options.generation} is retired; {left}", file=sys.stderr)
        case "quarantine" if options.action == "list":
            for held in operations.quarantined(_one(shards, options.view)):
                shown = held.data[:_SHOWN].decode("utf-8", "replace")
                known: dict[str, object] = {"sequence": held.sequence, "subject": held.subject}
                print(json.dumps({**known, "kind": held.kind, "reason": held.reason, "event": shown}))
        case "quarantine":
            result = operations.replay(_one(shards, options.view), options.sequence)
            applied, held_back = list(result.applied), list(result.held)
            print(f"applied {len(applied)}: {applied}; still in quarantine {len(held_back)}: {held_back}")
            return 1 if held_back else 0
    return 0


def _log_changes() -> None:
    """Prints each change of a generation's state on standard error."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)


def _one(shards: tuple[Shard, ...], view: str | None) -> Shard:
    """The shard of `view`, or the only one if it is None. Raises SpecError."""
    chosen = [each for each in shards if view in (None, each.view)]
    if len(chosen) == 1:
        return chosen[0]
    known = ", ".join(each.view for each in shards)
    raise SpecError(f"name one view with --view; the spec declares: {known}")


def _status_line(status: operations.Status) -> str:
    shard, checkpoint = status.shard, status.checkpoint
    generations, answering = shard.generations, shard.generations.answering
    return json.dumps(
        {
            "view": shard.view,
            "shard": shard.projection.shard,
            "stream": shard.projection.stream,
            "sequence": checkpoint.sequence if checkpoint else 0,
            "stream_ends_at": status.stream_end,
            "events": checkpoint.events if checkpoint else 0,
            "generation": answering.number if answering else 0,
            "generations": [each.number for each in generations.all],
            "fills": [each.number for each in generations.in_state(*AWAITED)],
            "states": {each.number: each.state for each in generations.all},
            "quarantine": checkpoint.quarantined if checkpoint else 0,
            **({"wrong": status.problem} if status.problem else {}),
        }
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="projections", description="Projects events into views that can be queried."
    )
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text)
        made.add_argument("spec", type=Path)
        return made

    command("serve", "run the workers and answer queries, until SIGTERM")
    command("work", "run one worker; serve starts it").add_argument("view")
    command("status", "print how far each shard is, as JSON")
    command("token", "print the bearer token of a tenant").add_argument("--tenant", required=True)
    for name, text in (
        ("rebuild", "fill a new generation of views from the stream while the old one answers"),
        ("cut-over", "answer from another generation, at once"),
        ("retire", "drop a generation that does not answer"),
    ):
        made = command(name, text)
        made.add_argument("--view")
        if name == "rebuild":
            made.add_argument("--from", dest="start", type=int, default=1, help="a sequence of the stream")
        else:
            made.add_argument("generation", type=int)
    quarantine = commands.add_parser("quarantine", help="events that could not be applied")
    actions = quarantine.add_subparsers(dest="action", required=True)
    for name, text in (
        ("list", "one JSON object a line"),
        ("replay", "apply them to the views as they are now"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("spec", type=Path)
        action.add_argument("--view")
        if name == "replay":
            action.add_argument("sequence", type=int, nargs="*", help="all that there are when none is given")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
