"""A version of the software table stands in one place, and documents that name one name the right one."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import PurePath

import pytest

from components.software import MINIO, PROVISIONER, SPARK, TABLE
from components.software.model import BundledApp, Image, Maven, MavenClosure, Software, Wheel
from components.software.toolchain import GO, MAVEN_DEPENDENCY_PLUGIN
from providers.local.artifacts.lock import REPOSITORY, SOFTWARE

_RECORDS = (
    "CHANGELOG.md",
    "docs/adr/*",
    "findings/*",
    # Locks, and generated files.
    "*.lock",
    "*/go.mod",
    "*/go.sum",
    "components/software/*lock.json",
    "tests/infra/lab_manifests.yaml",
    # The versions of Python packages, which are not the table's.
    "requirements.txt",
)
"""History, locks and generated files: these may hold versions of the table."""
_DOCUMENTED = {"README.md": f"pip install pyspark=={SPARK.version}"}
"""The words of documents that hold a version. A new version makes them false, and the test fails."""
_LEADING = re.compile(r"v?(\d[\d.]*\d)")


def _versions(software: Software) -> Iterator[str]:
    """The versions in a row: its own, those of its parts, and those that image tags begin with."""
    if any(isinstance(part, BundledApp) for part in software.parts):
        return
    yield software.version
    for part in software.parts:
        match part:
            case Maven(coordinates=coordinates):
                yield coordinates.split(":")[2]
            case MavenClosure(coordinates=closure):
                yield from (item.split(":")[2] for item in closure)
            case Wheel(requirement=requirement):
                yield requirement.partition("==")[2]
    # The tag of an image of ours is derived from the version of its row.
    build = software.image.build
    for reference in [build.base, *build.stages.values()] if build else [software.image.reference]:
        if not isinstance(reference, Image) and (found := _LEADING.match(reference.rpartition(":")[2])):
            yield found[1]


VERSIONS = sorted(
    {version for software in TABLE.values() for version in _versions(software)}
    | {GO, MAVEN_DEPENDENCY_PLUGIN.rpartition(":")[2]}
)


def _count(version: str, text: str) -> int:
    """How often `text` holds this very version: no longer one, and no other number."""
    return len(re.findall(rf"(?<![\d.]){re.escape(version)}(?!\.?\d)(?![A-Za-z])", text))


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """The text of each tracked file that must not repeat a version of the table."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    found = {}
    for name in listed.stdout.strip("\0").split("\0"):
        path = REPOSITORY / name
        if path.is_file() and not any(PurePath(name).match(pattern) for pattern in _RECORDS):
            content = path.read_text(encoding="utf-8", errors="replace")
            found[name] = content.replace(_DOCUMENTED.get(name, "\0"), "")
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_a_version_of_the_table_is_written_once(version: str, texts: dict[str, str]) -> None:
    places = {name: count for name, text in texts.items() if (count := _count(version, text))}
    assert sum(places.values()) <= 1, f"{version} stands in {places}: derive it from the row of the table"
    assert all(name.startswith("components/software/") for name in places), places


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("trinodb/trino:987 and trino-987.tar.gz.", 2),
        ('version="987",', 1),
        ("iceberg987", 1),
        ("9870 1.987 987.2 987b", 0),
    ],
)
def test_a_version_is_found_wherever_it_stands_alone(text: str, count: int) -> None:
    assert _count("987", text) == count


@pytest.mark.parametrize("name", _DOCUMENTED)
def test_a_document_names_the_version_of_the_table(name: str) -> None:
    assert _DOCUMENTED[name] in (REPOSITORY / name).read_text(encoding="utf-8")


def test_the_apps_have_the_release_of_the_project() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert PROVISIONER.version == project["version"]


def test_minio_is_built_from_the_release_of_its_row() -> None:
    moment = re.sub(r"\D", "", MINIO.version)
    go_mod = (SOFTWARE / "go" / "minio" / "go.mod").read_text(encoding="utf-8")
    assert re.search(rf"github\.com/minio/minio v0\.0\.0-{moment}-[0-9a-f]{{12}}\b", go_mod)
