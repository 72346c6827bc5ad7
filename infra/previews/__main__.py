"""`python -m infra.previews`: previews every stack of the working tree and of the base, and writes the
report.

Exits with 1 when a preview of the working tree fails or violates a mandatory policy, and with 2 when Git
lacks the base or nobody has the stack. The report is written in the first case, too.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.engine.checkout import HERE, Checkout
from infra.engine.console import say
from infra.engine.ending import ended
from infra.engine.session import open_engine
from infra.engine.stacks import known_stacks
from infra.previews import snapshot
from infra.previews.document import Report, document
from infra.previews.preview import Preview, preview

PACK = HERE.root / "policy" / "pack"


def reports(
    base: str | None, stacks: Sequence[str], *, real_plugins: bool = False, source: Path = HERE.root
) -> list[Report]:
    """Previews `stacks` in the checkout `source`, or every stack of its working tree if `stacks` is empty,
    and compares each with the same stack at the commit `base`.

    Stand-ins take the place of the provider plugins unless `real_plugins` is set. The policies of this
    checkout judge both sides. Raises SnapshotError when Git does not know `base`, and what opening the engine
    raises.
    """
    engine = open_engine(os.environ)

    def previews(
        scratch: str, made: Callable[[Path], Checkout], wanted: Sequence[str], what: str
    ) -> dict[str, Preview]:
        # Both sides lie at one path: some resources have the checkout's path among their inputs.
        path = Path(scratch) / "project"
        path.mkdir()
        checkout = made(path)
        known = known_stacks(checkout)
        found = {}
        for stack in [each for each in wanted if each in known] if wanted else known:
            say(f"Previewing {stack} of {what}")
            found[stack] = preview(checkout.root, stack, engine, pack=PACK, real_plugins=real_plugins)
        shutil.rmtree(path)
        return found

    with tempfile.TemporaryDirectory(prefix="nebula-previews-") as scratch:
        head = previews(
            scratch, lambda path: snapshot.copy_working_tree(source, path), stacks, "this checkout"
        )
        if base is None:
            return [Report(found, None, compared=False) for found in head.values()]
        before = previews(scratch, lambda path: snapshot.unpack_commit(source, base, path), list(head), base)
    return [Report(found, before.get(stack)) for stack, found in head.items()]


def removed(base: str, stacks: Sequence[str], source: Path = HERE.root) -> list[str]:
    """Returns the stacks that have a template at the commit `base` and none in the working tree of `source`,
    only those among `stacks` unless that is empty. Raises SnapshotError when Git does not know `base`."""
    here = {path.name.split(".")[1] for path in (source / "stacks").glob("Pulumi.*.template.yaml")}
    found = [each for each in snapshot.stacks_of_commit(source, base) if each not in here]
    return [each for each in found if each in stacks] if stacks else found


def _named(base: str) -> str:
    """Returns `base` as the report shows it: a branch or tag is followed by the commit that it names."""
    commit = snapshot.commit(HERE.root, base)
    return commit if base.startswith(commit) else f"{base} ({commit})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line with `arguments`, and returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.previews", description="Report what a change does to each stack."
    )
    parser.add_argument(
        "--base", default="", help="the commit to compare with; without one, nothing is compared"
    )
    parser.add_argument(
        "--stack", action="append", default=[], help="preview this stack only; can be repeated"
    )
    parser.add_argument("--real-plugins", action="store_true", help="use provider plugins, not stand-ins")
    parser.add_argument("--output", type=Path, help="the file to write; stdout if not given")
    given = parser.parse_args(arguments)
    return ended(lambda: _run(given), HERE)


def _run(given: argparse.Namespace) -> int:
    try:
        found = reports(given.base or None, given.stack, real_plugins=given.real_plugins)
        gone = removed(given.base, given.stack) if given.base else []
        unknown = set(given.stack) - {report.head.stack for report in found} - set(gone)
        if unknown:
            raise snapshot.SnapshotError(
                f"Stack {', '.join(sorted(unknown))} has no template in stacks/, neither in this checkout "
                "nor at the base. Name another with --stack, or leave --stack out for all of them."
            )
        name = _named(given.base) if given.base else "nothing"
    except snapshot.SnapshotError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    text = document(found, name, gone, real_plugins=given.real_plugins)
    if given.output is None:
        print(text)
    else:
        given.output.parent.mkdir(parents=True, exist_ok=True)
        given.output.write_text(text, encoding="utf-8")
        say(f"The report was written to {given.output}.")
    return 1 if any(report.failed for report in found) else 0


if __name__ == "__main__":
    sys.exit(main())
