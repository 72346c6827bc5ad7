"""`python -m providers.local.artifacts install NAME... | list`: install software of the table, or list it."""

import argparse
import os
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from components.software.model import Software
from components.software.table import TABLE
from providers.local.artifacts.errors import ArtifactError
from providers.local.artifacts.installation import install
from providers.local.artifacts.lock import home_of, locked_parts
from providers.local.artifacts.preflight import missing_tools
from providers.local.paths import cache_directory
from providers.terminal import show_table


def _install(names: list[str], cache: Path, console: Console) -> None:
    unknown = [name for name in names if name not in TABLE]
    if unknown:
        raise ArtifactError(f"The software table has no {', '.join(unknown)}. It has: {', '.join(TABLE)}.")
    # Software without parts runs from its image only.
    wanted = {name: TABLE[name] for name in names or TABLE if TABLE[name].parts}
    if problems := missing_tools(wanted, cache):
        raise ArtifactError("\n".join(problems))
    for software in wanted.values():
        home = install(
            software.name, software.version, locked_parts(software), cache, lambda line: console.print(line)
        )
        console.print(f"{software.name} {software.version}: {home}", soft_wrap=True)


def _list(cache: Path, console: Console) -> None:
    table = Table("name", "version", "licence", "java", "download", "installed")
    for software in TABLE.values():
        table.add_row(
            software.name,
            software.version,
            software.licence,
            str(software.java or ""),
            *_state(software, cache),
        )
    show_table(table, console)


def _state(software: Software, cache: Path) -> tuple[str, str]:
    try:
        parts = locked_parts(software)
    except ArtifactError as error:
        return "", str(error)
    files = {file["sha256"]: int(file["size"]) for part in parts for file in part.get("files", [])}
    if not parts:
        return "", "as an image only"
    size = f"{sum(files.values()) / 1e6:.0f} MB" if files else "built here"
    return size, "yes" if home_of(software.name, software.version, parts, cache).exists() else "no"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m providers.local.artifacts", description=__doc__)
    parser.add_argument("--cache", type=Path, default=cache_directory(), help="default: %(default)s")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="what the table has, and what of it is installed")
    chosen = actions.add_parser("install", help="fetch and lay out software (all without a name)")
    chosen.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    os.umask(0o022)  # What is cached serves every stack: who may write in it is not the shell's to say.
    console = Console(highlight=False)
    try:
        match options.action:
            case "install":
                _install(options.names, options.cache, console)
            case _:
                _list(options.cache, console)
    except ArtifactError as error:
        Console(stderr=True, highlight=False).print(str(error), style="red", markup=False, soft_wrap=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
