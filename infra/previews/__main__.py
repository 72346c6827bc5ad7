"""`python -m infra.previews`: preview every stack, here and at the base, and write the report.

Exits with 1 when a preview of the working tree fails or violates a mandatory policy; the report is
written all the same.
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
    base: str | None, stacks: Sequence[str], plugins: Path | None, source: Path = HERE.root
) -> list[Report]:
    """Of `stacks`, or of all that the working tree has. Both sides are judged by the policies of here."""
    engine = open_engine(os.environ)

    def previews(
        scratch: str, made: Callable[[Path], Checkout], wanted: Sequence[str], what: str
    ) -> dict[str, Preview]:
        # Both at one path: where the checkout is stands among the inputs of some resources.
        path = Path(scratch) / "project"
        path.mkdir()
        checkout = made(path)
        known = known_stacks(checkout)
        found = {}
        for stack in [each for each in wanted if each in known] if wanted else known:
            say(f"Previewing {stack} of {what}")
            found[stack] = preview(checkout.root, stack, engine, pack=PACK, plugins=plugins)
        shutil.rmtree(path)
        return found

    with tempfile.TemporaryDirectory(prefix="nebula-previews-") as scratch:
        head = previews(scratch, lambda path: snapshot.of_working_tree(source, path), stacks, "this checkout")
        if base is None:
            return [Report(found, None, compared=False) for found in head.values()]
        before = previews(scratch, lambda path: snapshot.of_commit(source, base, path), list(head), base)
    return [Report(found, before.get(stack)) for stack, found in head.items()]


def removed(base: str, stacks: Sequence[str], source: Path = HERE.root) -> list[str]:
    """The stacks that come with the base and no more with the working tree; of `stacks`, if there are any."""
    here = {path.name.split(".")[1] for path in (source / "stacks").glob("Pulumi.*.template.yaml")}
    found = [each for each in snapshot.stacks_of_commit(source, base) if each not in here]
    return [each for each in found if each in stacks] if stacks else found


def _named(base: str) -> str:
    """A base for people: with the commit that a branch names."""
    commit = snapshot.commit(HERE.root, base)
    return commit if base.startswith(commit) else f"{base} ({commit})"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.previews", description="What a change does.")
    parser.add_argument("--base", default="", help="a commit to compare with; none: only what is here")
    parser.add_argument("--stack", action="append", default=[], help="one stack; all if not given")
    parser.add_argument("--plugins", type=Path, help="a directory with provider plugins to prefer")
    parser.add_argument("--output", type=Path, help="a file; stdout if not given")
    given = parser.parse_args(arguments)
    return ended(lambda: _run(given), HERE)


def _run(given: argparse.Namespace) -> int:
    try:
        found = reports(given.base or None, given.stack, given.plugins and given.plugins.resolve())
        gone = removed(given.base, given.stack) if given.base else []
        unknown = set(given.stack) - {report.head.stack for report in found} - set(gone)
        if unknown:
            raise snapshot.SnapshotError(
                f"There is no stack {', '.join(sorted(unknown))}, neither here nor at the base."
            )
        name = _named(given.base) if given.base else "nothing"
    except snapshot.SnapshotError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    text = document(found, name, gone)
    if given.output is None:
        print(text)
    else:
        given.output.parent.mkdir(parents=True, exist_ok=True)
        given.output.write_text(text, encoding="utf-8")
        say(f"The report is in {given.output}")
    return 1 if any(report.failed for report in found) else 0


if __name__ == "__main__":
    sys.exit(main())
