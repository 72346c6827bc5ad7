"""The Go modules of the project: go.mod pins what they are built from, go.sum is its lock."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from infra.versions.releases import Newer, Pin
from providers.local.artifacts import go
from providers.local.artifacts.progress import Progress

_GENERATED = frozenset({"build"})


def modules(root: Path) -> list[Path]:
    """Returns the directories below `root`, relative to it, that hold a go.mod."""
    folders = [folder for folder in root.iterdir() if folder.name not in _GENERATED and folder.name[0] != "."]
    return sorted(path.parent.relative_to(root) for folder in folders for path in folder.rglob("go.mod"))


def renew(module: Path, cache: Path, progress: Progress) -> None:
    """Makes go.sum hold what go.mod and the code in `module` need, and nothing else. Raises FetchError.

    A module without code of its own is there to be downloaded: its go.sum gets what go.mod requires.
    """
    if any(module.rglob("*.go")):
        go.command(["mod", "tidy"], module, cache, progress)
    else:
        go.command(["mod", "download", *_direct(module, cache, progress)], module, cache, progress)


def newer(root: Path, cache: Path, progress: Progress) -> list[Newer]:
    """Returns what Go's module proxy has newer releases of, among what a go.mod requires directly. Raises
    FetchError."""
    found = []
    for module in modules(root):
        progress(f"asking for newer releases of what {module} requires")
        paths = _direct(root / module, cache, progress)
        printed = go.command(
            ["list", "-mod=readonly", "-m", "-u", "-json", *paths], root / module, cache, progress
        )
        for required in _documents(printed):
            if update := required.get("Update"):
                pin = Pin(required["Path"], required["Version"], str(module / "go.mod"))
                found.append(Newer(pin, update["Version"]))
    return found


def _direct(module: Path, cache: Path, progress: Progress) -> Sequence[str]:
    """Returns the modules that go.mod requires for itself, and not for another of them."""
    document = json.loads(go.command(["mod", "edit", "-json"], module, cache, progress))
    return [required["Path"] for required in document["Require"] if not required.get("Indirect")]


def _documents(text: str) -> Iterator[Any]:
    """Returns the JSON documents that stand one after another in `text`."""
    decoder, position = json.JSONDecoder(), 0
    while position < len(text.rstrip()):
        document, end = decoder.raw_decode(text, position)
        yield document
        position = end + len(text[end:]) - len(text[end:].lstrip())
