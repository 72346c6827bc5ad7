"""`python -m infra.versions lock | outdated`: renew every lock, or list what has newer releases."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.table import Table

from components.software import TABLE
from infra.versions import go_modules, image_digests, maven_artifacts, python_packages
from infra.versions.container_registry import RegistryError
from infra.versions.releases import Newer
from providers.local.artifacts.errors import ArtifactError
from providers.local.artifacts.lock import LOCK, REPOSITORY
from providers.local.artifacts.progress import Progress
from providers.local.artifacts.relock import relock
from providers.local.paths import cache_directory
from providers.terminal import show_table


def lock(root: Path, cache: Path, progress: Progress, upgrade: bool = False) -> None:
    """Renews every lock of the project below `root`, and says of each whether it changed.

    Raises ArtifactError when a registry of packages fails, and RegistryError when one of images refuses.
    """

    def renew(file: Path, action: Callable[[], None]) -> None:
        before = file.read_bytes() if file.exists() else None
        action()
        progress(f"{file.relative_to(root)}: {'unchanged' if file.read_bytes() == before else 'renewed'}")

    for requirements in python_packages.requirement_files(root):
        file = root / python_packages.lock_of(requirements)
        renew(file, lambda path=requirements: python_packages.renew(root, path, upgrade))  # type: ignore[misc]
    renew(LOCK, lambda: relock(cache, progress))
    for module in go_modules.modules(root):
        file = root / module / "go.sum"
        renew(file, lambda path=root / module: go_modules.renew(path, cache, progress))  # type: ignore[misc]
    image_digests.renew(progress)


Sources = Mapping[str, Callable[[], list[Newer]]]
"""What to ask for newer releases, by the name of the registry."""


def sources(root: Path, cache: Path) -> Sources:
    """Returns the registries that the project takes packages from."""
    rows = TABLE.values()
    quiet: Progress = lambda _: None  # noqa: E731  (a function of one line)
    return {
        "PyPI": lambda: python_packages.newer(root, rows),
        "Maven": lambda: maven_artifacts.newer(rows, cache, quiet),
        "Go's module proxy": lambda: go_modules.newer(root, cache, quiet),
    }


def outdated(asked: Sources, console: Console, errors: Console) -> int:
    """Prints a table of what has newer releases, and one line on `errors` for each registry that fails.

    Returns the exit code: 0 when all registries answered, else 1.
    """
    failed = False
    table = Table("package", "pinned in", "locked", "newest")
    with ThreadPoolExecutor(len(asked)) as pool:
        answers = {name: pool.submit(ask) for name, ask in asked.items()}
    for name, answer in answers.items():
        try:
            for found in sorted(answer.result(), key=lambda each: each.pin.name):
                table.add_row(found.pin.name, found.pin.place, found.pin.version, found.newest)
        except ArtifactError as error:
            failed = True
            errors.print(f"{name} did not answer: {str(error).splitlines()[0]}", markup=False, soft_wrap=True)
    if table.row_count:
        show_table(table, console)
    elif not failed:
        console.print("Everything is at its newest release.")
    return int(failed)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.versions", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    renew = actions.add_parser("lock", help="renew every lock")
    renew.add_argument(
        "--upgrade", action="store_true", help="take newer releases of packages that nobody names"
    )
    actions.add_parser("outdated", help="list what has newer releases")
    options = parser.parse_args()
    os.umask(0o022)  # What is cached serves every stack: who may write in it is not the shell's to say.
    console, errors = Console(highlight=False), Console(stderr=True, highlight=False)
    if options.action == "outdated":
        return outdated(sources(REPOSITORY, cache_directory()), console, errors)
    try:
        lock(REPOSITORY, cache_directory(), lambda line: console.print(line, soft_wrap=True), options.upgrade)
    except (ArtifactError, RegistryError) as error:
        errors.print(str(error), style="red", markup=False, soft_wrap=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
