"""`python -m apps.projections`: see docs/projections.md."""

import argparse
import json
import sys
from pathlib import Path

from apps.kit.errors import AppError
from apps.kit.output import Redaction
from apps.kit.settings import SpecError, secrets_of
from apps.projections import logs, operations, service, tokens
from apps.projections.generations import Generations
from apps.projections.shard_main import work
from apps.projections.spec import Manifest, Projection, ServiceSpec, load, load_programs

_SHOWN = 200


def main(arguments: list[str]) -> int:
    given = _parser().parse_args(arguments)
    redact = Redaction()
    try:
        spec, manifest = load(given.spec)
        redact = Redaction(secrets_of(spec))
        return _run(given, spec, manifest, redact)
    except AppError as error:
        print(redact(f"projections: {error}"), file=sys.stderr)
        return error.exit_code


def _run(given: argparse.Namespace, spec: ServiceSpec, manifest: Manifest, redact: Redaction) -> int:
    match given.command:
        case "serve":
            logs.configure(redact)
            load_programs(manifest)
            return service.serve(given.spec, spec, manifest)
        case "work":
            projection = _one(manifest, given.view)
            fields = {"view": projection.view, "shard": projection.shard}
            logs.configure(redact, fields, sys.stderr)
            work(spec, manifest, projection.view)
        case "token":
            print(tokens.make_token(spec.key.get_secret_value(), given.tenant))
        case "status":
            for projection in manifest.projections:
                print(_line(operations.status(spec, projection), spec.generations(projection)))
        case "rebuild":
            projection = _one(manifest, given.view)
            generations, events = spec.generations(projection), projection.source.events
            begun = generations.begin(projection.program, given.start, events)
            print(
                f"generation {begun.number} is filled from sequence {begun.start}; it answers when it is done"
            )
        case "cut-over":
            spec.generations(_one(manifest, given.view)).cut_over(given.generation)
        case "retire":
            if left := operations.retire(spec, _one(manifest, given.view), given.generation):
                print(f"generation {given.generation} is retired; {left}", file=sys.stderr)
        case "quarantine" if given.action == "list":
            for held in operations.quarantined(spec, _one(manifest, given.view)):
                shown = held.data[:_SHOWN].decode("utf-8", "replace")
                known: dict[str, object] = {"sequence": held.sequence, "subject": held.subject}
                print(json.dumps({**known, "kind": held.kind, "reason": held.reason, "event": shown}))
        case "quarantine":
            applied, failed = operations.replay(spec, _one(manifest, given.view), given.sequence)
            print(f"applied {len(applied)}: {applied}; still in quarantine {len(failed)}: {failed}")
            return 1 if failed else 0
    return 0


def _one(manifest: Manifest, view: str | None) -> Projection:
    found = [each for each in manifest.projections if view in (None, each.view)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(each.view for each in manifest.projections)
    raise SpecError(f"which view? Give --view; there are: {known}")


def _line(status: operations.Status, generations: Generations) -> str:
    checkpoint, active = status.checkpoint, generations.active
    return json.dumps(
        {
            "view": status.projection.view,
            "shard": status.projection.shard,
            "stream": status.projection.stream,
            "sequence": checkpoint.sequence if checkpoint else 0,
            "stream_ends_at": status.last,
            "events": checkpoint.events if checkpoint else 0,
            "generation": active.number if active else 0,
            "generations": [each.number for each in generations.all],
            "fills": [each.number for each in generations.unfilled],
            "quarantine": checkpoint.quarantined if checkpoint else 0,
            **({"wrong": status.wrong} if status.wrong else {}),
        }
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="projections", description="Events folded into queryable views.")
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text)
        made.add_argument("spec", type=Path)
        return made

    command("serve", "run the workers and answer queries, until SIGTERM")
    command("work", "one worker, started by serve").add_argument("view")
    command("status", "how far each shard is")
    command("token", "a tenant's bearer token").add_argument("--tenant", required=True)
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
    for name, text in (("list", "one JSON object a line"), ("replay", "fold them into the views of now")):
        action = actions.add_parser(name, help=text)
        action.add_argument("spec", type=Path)
        action.add_argument("--view")
        if name == "replay":
            action.add_argument("sequence", type=int, nargs="*", help="all that there are when none is given")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
