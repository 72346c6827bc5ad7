"""Fetches files of Maven repositories into `<cache>/maven`, by the mvn client."""

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from pathlib import Path

from components.software.toolchain import MAVEN_DEPENDENCY_PLUGIN, MAVEN_VERSIONS_PLUGIN
from providers.local.artifacts import trust
from providers.local.artifacts.cache import atomic_directory, directory, hold_lock, sha256_of, size_below
from providers.local.artifacts.client import CONNECT_SECONDS, READ_SECONDS, retrying, run
from providers.local.artifacts.errors import ChecksumError, FetchError
from providers.local.artifacts.lock import LockedFile, LockedPart
from providers.local.artifacts.progress import Download, Progress

_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>nebula</groupId>
  <artifactId>closure</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
{dependencies}
  </dependencies>
</project>
"""
_DEPENDENCY = (
    "    <dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"
)


_NOT_FINAL = r"(?i).*[-.](alpha|beta|m|milestone|rc|cr|preview|snapshot)[-.]?\d*.*"
_NO_ANSWER = re.compile(r"Could not transfer metadata (\S+)")
_NEWER = re.compile(r"^ +([^\s:]+:[^\s:]+)[\s.]+\S+ +-> +(\S+)$", re.MULTILINE)


def _pom(coordinates: Sequence[str]) -> str:
    """Returns a project that depends on the artifacts `group:artifact:version[...]`."""
    items = (_DEPENDENCY.format(*map(escape, item.split(":")[:3])) for item in coordinates)
    return _POM.format(dependencies="\n".join(items))


def path_of(coordinates: str, cache: Path) -> Path:
    """Returns where mvn keeps the file `group:artifact:version[:classifier]:extension`."""
    group, artifact, version, *classifier, extension = coordinates.split(":")
    name = "-".join([artifact, version, *classifier])
    return cache / "maven" / Path(*group.split(".")) / artifact / version / f"{name}.{extension}"


def fetch(part: LockedPart, cache: Path, progress: Progress) -> list[Path]:
    """Fetches the file of a `maven` part and verifies it. Raises FetchError."""
    (row,) = part["files"]
    coordinates = str(part["coordinates"])
    path = path_of(coordinates, cache)
    with hold_lock(path, progress):
        for attempt in retrying(progress):
            with attempt:
                download(coordinates, cache, progress, int(row["size"]))
                verify(coordinates, path, row)
    return [path]


def download(coordinates: str, cache: Path, progress: Progress, size: int = 0) -> Path:
    """Returns the file of `coordinates`, which mvn fetches unless the cache has it. It is not verified.

    `size` is the expected size in bytes, for the progress. Raises FetchError.
    """
    path = path_of(coordinates, cache)
    if not path.exists():
        _warm_up(cache, progress)
        group, artifact, version, *classifier, extension = coordinates.split(":")
        argument = ":".join([group, artifact, version, extension, *classifier])
        for leftover in path.parent.glob(f"{path.name}?*"):
            if leftover.suffix in (".tmp", ".part"):  # Of a run that was killed.
                leftover.unlink()
        measure = partial(size_below, path.parent)
        watch = Download(f"downloading {path.name}", size, measure, progress)
        _mvn(
            coordinates,
            [f"{MAVEN_DEPENDENCY_PLUGIN}:get", "-Dtransitive=false", f"-Dartifact={argument}"],
            cache,
            watch,
        )
        if not path.exists():
            raise FetchError(f"{coordinates}: mvn succeeded, but {path} is not there. Run again.")
    return path


def fetch_closure(part: LockedPart, cache: Path, progress: Progress) -> list[Path]:
    """Fetches the jars of a `closure` part and verifies them: they are exactly those of the lock.

    Raises FetchError.
    """
    coordinates = [str(item) for item in part["coordinates"]]
    rows = {str(row["file"]): row for row in part["files"]}
    label = " ".join(coordinates)
    for attempt in retrying(progress):
        with attempt:
            folder = closure_directory(coordinates, cache)
            with hold_lock(folder, progress):
                size = sum(int(row["size"]) for row in rows.values())
                download_closure(coordinates, cache, progress, size)
                try:
                    _verify_closure(label, folder, rows)
                except FetchError:
                    shutil.rmtree(folder)
                    raise
    return [folder / name for name in sorted(rows)]


def closure_directory(coordinates: Sequence[str], cache: Path) -> Path:
    """Returns the directory that the jars of a closure are collected in."""
    return cache / "downloads" / "closures" / "+".join(item.replace(":", "_") for item in coordinates)


def download_closure(coordinates: Sequence[str], cache: Path, progress: Progress, size: int = 0) -> Path:
    """Returns the directory with the closure's jars, which mvn fetches unless they are there.

    They are not verified. The caller holds the lock of the directory. Raises FetchError.
    """
    folder = closure_directory(coordinates, cache)
    if not folder.exists():
        _warm_up(cache, progress)
        with atomic_directory(folder) as scratch:
            pom = scratch / "pom.xml"
            pom.write_text(_pom(coordinates))
            measure = partial(size_below, scratch)
            watch = Download(f"downloading the closure of {coordinates[0]}", size, measure, progress)
            goal = [
                f"{MAVEN_DEPENDENCY_PLUGIN}:copy-dependencies",
                "-DincludeScope=runtime",
                f"-DoutputDirectory={scratch}",
            ]
            _mvn(" ".join(coordinates), ["-f", str(pom), *goal], cache, watch)
            pom.unlink()
    return folder


def newer_releases(coordinates: Sequence[str], cache: Path, progress: Progress) -> dict[str, str]:
    """Returns the newest release of each artifact that has a newer one, by `group:artifact`.

    `coordinates` are `group:artifact:version[...]`. Releases that say that they are not final (alpha, beta,
    milestone, candidate) do not count. Raises FetchError when a repository does not answer.
    """
    progress("asking Maven's repositories for newer releases")
    with tempfile.TemporaryDirectory(dir=directory(cache, "maven")) as scratch:
        pom, found = Path(scratch, "pom.xml"), Path(scratch, "newer.txt")
        pom.write_text(_pom(coordinates))
        goal = [f"{MAVEN_VERSIONS_PLUGIN}:display-dependency-updates", f"-Dversions.outputFile={found}"]
        measure = partial(size_below, cache / "maven")
        printed = _mvn(
            "newer releases", ["-f", str(pom), f"-Dmaven.version.ignore={_NOT_FINAL}", *goal], cache, measure
        )
        if missing := _NO_ANSWER.search(printed):
            raise FetchError(f"{missing[1]} could not be fetched. Check the network and run again.")
        # A long line is wrapped before its versions.
        return dict(_NEWER.findall(found.read_text()))


def verify(coordinates: str, path: Path, row: LockedFile) -> None:
    """Compares a file with the lock. Deletes it and raises ChecksumError when its sha256 differs."""
    actual = sha256_of(path)
    if actual != row["sha256"]:
        path.unlink()
        raise ChecksumError(coordinates, path.name, str(row["sha256"]), actual)


def _verify_closure(label: str, folder: Path, rows: dict[str, LockedFile]) -> None:
    found = {file.name for file in folder.iterdir()}
    if found != rows.keys():
        surplus, missing = sorted(found - rows.keys()), sorted(rows.keys() - found)
        raise FetchError(
            f"{label}: the repositories have other jars than the lock (not in the lock: "
            f"{', '.join(surplus) or 'none'}; missing: {', '.join(missing) or 'none'}). "
            "`make lock` accepts them."
        )
    for name, row in rows.items():
        verify(f"{label} ({name})", folder / name, row)


def _warm_up(cache: Path, progress: Progress) -> None:
    """Fetches the plugin itself once, alone: two mvn that fill an empty repository disturb each other."""
    marker = cache / "maven" / f".{MAVEN_DEPENDENCY_PLUGIN.replace(':', '_')}"
    with hold_lock(marker, progress):
        if not marker.exists():
            progress("downloading Maven's dependency plugin")
            measure = partial(size_below, directory(cache, "maven"))
            for attempt in retrying(progress):
                with attempt:
                    _mvn(MAVEN_DEPENDENCY_PLUGIN, [f"{MAVEN_DEPENDENCY_PLUGIN}:help"], cache, measure)
            marker.touch()


def _installation() -> Path:
    """Returns the home of the mvn on PATH, which holds its `bin`."""
    return Path(shutil.which("mvn") or "/").resolve().parents[1]


def _mvn(subject: str, arguments: Sequence[str], cache: Path, activity: Callable[[], int]) -> str:
    options = [
        f"-Dmaven.repo.local={directory(cache, 'maven')}",
        f"-Dmaven.wagon.http.connectionTimeout={CONNECT_SECONDS * 1000}",
        f"-Dmaven.wagon.rto={READ_SECONDS * 1000}",
        f"-Daether.connector.connectTimeout={CONNECT_SECONDS * 1000}",
        f"-Daether.connector.requestTimeout={READ_SECONDS * 1000}",
        "-Daether.connector.http.useSystemProperties=true",
        "-Dstyle.color=never",
    ]
    java_options = [os.environ.get("MAVEN_OPTS", ""), "-XX:-UsePerfData"]  # which is a file in /tmp
    if (file := trust.argument_file(cache)) is not None:
        # Relative to the working directory below: the mvn script splits MAVEN_OPTS at spaces.
        java_options.append(f"@{file.relative_to(cache)}")
    if (settings := trust.maven_settings(cache, _installation() / "conf" / "settings.xml")) is not None:
        options += ["--global-settings", str(settings)]
    environment = {**os.environ, "MAVEN_OPTS": " ".join(java_options).strip()}
    # The cache as working directory, since mvn takes options from a .mvn folder there or above.
    return run(
        subject,
        ["mvn", "-B", "-U", "-C", *options, *arguments],
        environment=environment,
        activity=activity,
        directory=cache,
    )
