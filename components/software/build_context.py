"""Finds the files that one of our own images is built from."""

import re
from collections.abc import Iterator
from pathlib import Path

_COPIES = re.compile(r"^(COPY|ADD)\s+(.*)$", re.MULTILINE)
_FROM_A_STAGE = "--from="
_BEYOND_NAMES = re.compile(r"--|[*?\[\\$]")
# Files that .dockerignore excludes within the folders that it lets in.
_CACHE, _BYTE_CODE = "__pycache__", ".pyc"


def sources(dockerfile: str, context: Path) -> list[str]:
    """Returns the paths, relative to `context`, of the Dockerfile and of the files that it copies.

    Raises ValueError for a line that copies by a pattern, an option or ADD: such a line could take in a file
    that is not found here.
    """
    found = {dockerfile}
    for instruction, words in _COPIES.findall((context / dockerfile).read_text()):
        if words.startswith(_FROM_A_STAGE):
            continue
        if instruction == "ADD" or _BEYOND_NAMES.search(words):
            raise ValueError(f"{dockerfile}: {instruction} {words}: COPY files and folders by their names")
        for name in words.split()[:-1]:
            found |= {str(file.relative_to(context)) for file in _below(context / name)}
    return sorted(found)


def _below(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for file in path.rglob("*"):
        if file.is_file() and _CACHE not in file.parts and file.suffix != _BYTE_CODE:
            yield file
