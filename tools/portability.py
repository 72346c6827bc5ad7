"""`python -m tools.portability [cloud] [cloud]`: measures what differs between two clouds.

It prints the lines of code of each provider, the files outside of `providers/` that name a cloud, and the
lines in which two stack files differ. Comments, docstrings and blank lines are not counted as code.
"""

import argparse
import ast
import difflib
import io
import sys
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLOUDS = ("aws", "gcp")
AIM = 15
"""The largest share of the code that one cloud may have, in percent."""

SHIPPED = ("infra", "providers", "components", "apps", "policy")
_OWNED = (
    *("providers.aws", "pulumi_aws", "boto3", "botocore"),
    *("providers.gcp", "pulumi_gcp", "google.cloud"),
)
"""Packages that belong to one cloud."""
_SETTINGS = frozenset({"infra/settings.py", "infra/cloud_settings.py", "infra/gcp_settings.py"})
"""The files that define the settings of each cloud, which must name it."""
_LAYOUT = frozenset(
    {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENCODING,
        tokenize.ENDMARKER,
    }
)


def code_lines(source: str) -> int:
    """Returns the number of lines of `source` (Python) that hold code."""
    words = set(_documentation(ast.parse(source)))
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _LAYOUT:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - words)


def _documentation(tree: ast.Module) -> Iterator[int]:
    """Yields the numbers of the lines that docstrings take, those of attributes included."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)


def lines_below(folder: Path) -> int:
    """Returns the number of lines of code in all Python files below `folder`."""
    return sum(code_lines(file.read_text(encoding="utf-8")) for file in folder.rglob("*.py"))


def names_cloud(source: str) -> bool:
    """Returns whether `source` (Python) imports a package of one cloud, or compares with a cloud's name.

    A client of an API that became a standard (S3) and a comment that mentions a cloud do not count.
    """
    tree = ast.parse(source)
    documentation = set(_documentation(tree))
    for node in ast.walk(tree):
        match node:
            case ast.Import() | ast.ImportFrom():
                if any(_belongs(module) for module in _modules(node)):
                    return True
            case ast.Constant(value=str(value)) if node.lineno not in documentation and value in CLOUDS:
                return True
    return False


def _modules(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [f"{node.module}.{alias.name}" for alias in node.names] if node.module else []


def _belongs(module: str) -> bool:
    return any(module == owned or module.startswith(f"{owned}.") for owned in _OWNED)


def program_files(root: Path = ROOT) -> set[Path]:
    """Returns every file that the program imports, directly or not, from `infra/__main__.py` on. Imports
    inside functions are followed too."""
    found: set[Path] = set()
    waiting = [root / "infra" / "__main__.py"]
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found.add(file)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [*_modules(node), *([node.module] if isinstance(node, ast.ImportFrom) else [])]
                waiting += [path for name in names if name for path in _files_of(root, name)]
    return found


def _files_of(root: Path, module: str) -> list[Path]:
    path = root.joinpath(*module.split("."))
    return [file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()]


@dataclass(frozen=True)
class FilesNamingCloud:
    """The files outside of `providers/` that name a cloud, in their code or by their own name.

    `program` are those that the program imports, `settings` those that define a stack file's settings, and
    `commands` those that only a command beside the program uses, such as a sweep.
    """

    program: tuple[str, ...]
    settings: tuple[str, ...]
    commands: tuple[str, ...]


def files_naming_cloud(root: Path = ROOT) -> FilesNamingCloud:
    """Finds the files of the repository `root` that name a cloud, outside of `providers/`."""
    program = program_files(root)
    named = {
        file
        for folder in SHIPPED
        if folder != "providers"
        for file in (root / folder).rglob("*.py")
        if set(CLOUDS) & set(file.stem.split("_")) or names_cloud(file.read_text(encoding="utf-8"))
    }
    text = {file: file.relative_to(root).as_posix() for file in named}
    settings = sorted(name for name in text.values() if name in _SETTINGS)
    deciding = sorted(name for file, name in text.items() if file in program and name not in _SETTINGS)
    commands = sorted(name for file, name in text.items() if file not in program and name not in _SETTINGS)
    return FilesNamingCloud(tuple(deciding), tuple(settings), tuple(commands))


def stack_difference(one: str, other: str) -> list[str]:
    """Returns the lines to remove (`-`) and to add (`+`) to turn the stack file `one` into `other`. Comments
    and blank lines are left out."""

    def settings(text: str) -> list[str]:
        return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]

    lines = difflib.unified_diff(settings(one), settings(other), lineterm="", n=0)
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def report(clouds: Sequence[str], root: Path = ROOT) -> Iterator[str]:
    """Yields the lines of the report about two `clouds` in the repository `root`."""
    whole = sum(lines_below(root / folder) for folder in SHIPPED)
    yield f"lines of code, of {whole:,} in {', '.join(SHIPPED)}"
    for provider in sorted(file.parent for file in (root / "providers").glob("*/__init__.py")):
        count = lines_below(provider)
        share = 100 * count / whole
        verdict = ""
        if provider.name in clouds:
            verdict = f"  aim: under {AIM} %, {'holds' if share < AIM else 'MISSED'}"
        yield f"  providers/{provider.name:<12} {count:>7,}  {share:4.1f} %{verdict}"
    found = files_naming_cloud(root)
    yield "files outside of providers/ that name a cloud"
    yield f"  in the program: {', '.join(found.program) or 'none'}"
    yield f"  settings: {', '.join(found.settings) or 'none'}"
    yield f"  commands beside the program: {', '.join(found.commands) or 'none'}"
    for size in ("dev", "prod"):
        files = [root / "stacks" / f"Pulumi.{cloud}-{size}.template.yaml" for cloud in clouds]
        if missing := [file.name for file in files if not file.exists()]:
            yield f"stack files: {', '.join(missing)} is not there"
            continue
        difference = stack_difference(*(file.read_text(encoding="utf-8") for file in files))
        yield f"{files[0].name} to {files[1].name}: {len(difference)} lines"
        yield from (f"  {line}" for line in difference)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.portability", description=__doc__)
    parser.add_argument("clouds", nargs="*", default=CLOUDS, help=f"two of {', '.join(CLOUDS)}")
    clouds = parser.parse_args().clouds
    if len(clouds) != 2 or not set(clouds) <= set(CLOUDS):
        parser.error(f"give two of {', '.join(CLOUDS)}")
    for line in report(clouds):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
