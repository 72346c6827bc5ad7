"""What a piece of software is: one version, two ways to run it (a distribution, an image)."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Maven:
    """One file of a Maven repository, `group:artifact:version[:classifier]:extension`.

    `into` is the folder below the software's home; an archive is unpacked when `unpack` is set,
    with `strip` leading path components dropped. `inner` names an archive inside the archive.
    """

    coordinates: str
    into: str = "."
    unpack: bool = False
    strip: int = 0
    inner: str | None = None


@dataclass(frozen=True)
class MavenClosure:
    """The runtime closure of Maven artifacts, as jars in `into`; the lock names every jar."""

    coordinates: tuple[str, ...]
    into: str


@dataclass(frozen=True)
class Wheel:
    """The files of a PyPI package (wheel, or source archive where it has no wheel) below `member`.

    `member` is a path prefix inside the archive, dropped when unpacking; a source archive's own
    top folder is dropped first.
    """

    requirement: str
    member: str = ""
    into: str = "."


@dataclass(frozen=True)
class GoBinary:
    """A program built from its Go module: `module_directory` (below `components/software/`) holds
    go.mod and go.sum, which are its lock."""

    package: str
    module_directory: str
    into: str
    ldflags: str = "-s -w"


@dataclass(frozen=True)
class BundledApp:
    """One of our own apps: `path` below the repository, run from a venv made from
    `<path>/requirements.lock` (hashed). Its home holds `venv/` and `src/apps/...`."""

    path: str


@dataclass(frozen=True)
class Script:
    """An executable script of our own at `path` below the home, where a distribution lacks one. What the
    distribution has there is kept at `original`."""

    path: str
    text: str
    original: str | None = None


@dataclass(frozen=True)
class BuildStep:
    """A command (template over `{home}`, and `{java}` of the software `java`) that completes the home
    from nothing but itself, so that the result serves every stack; run once, after all other parts.

    The home is moved afterwards: what is generated must not hold its own path.
    """

    command: tuple[str, ...]
    java: "Software | None" = None


Part = Maven | MavenClosure | Wheel | GoBinary | BundledApp | Script | BuildStep


@dataclass(frozen=True)
class Executable:
    """How a program of the software is launched: a template over `{home}`, where the software is, and
    `{java}`, its Java. Arguments of the workload follow. `image` is given where the layout of the
    image differs from the distribution's."""

    distribution: tuple[str, ...]
    image: tuple[str, ...] | None = None

    @property
    def in_image(self) -> tuple[str, ...]:
        return self.distribution if self.image is None else self.image


@dataclass(frozen=True)
class Dockerfile:
    """How an image of ours is built: by the Dockerfile at `path` below the repository, which is the build
    context. Whatever has a version reaches it as an ARG: `base`, the pinned image that it starts from, as
    BASE; further images, pinned or ours too, by the names in `stages`; other values by those in `args`;
    and the image's user as UID."""

    path: str
    base: str
    stages: "Mapping[str, str | Image]" = field(default_factory=dict)
    args: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Image:
    """A container image: `reference` has a pinned tag, `user` is the numeric uid it runs as, `home`
    where the software is in it. `build` makes it one of ours, as no registry has one that is ready to
    run; it is named at `localhost`, so that nobody pulls what a stranger has published under its name, and
    its tag is completed by its content where it is pulled (components/software/images.py)."""

    reference: str
    user: int
    home: str
    build: Dockerfile | None = None


@dataclass(frozen=True)
class Software:
    """One row of the software table.

    `java` is the Java release that it runs on. `unprivileged` software refuses to run as root. What has
    no `parts` runs as a container alone.
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
        try:
            return self.executables[name]
        except KeyError:
            known = ", ".join(sorted(self.executables))
            raise KeyError(f"{self.name} has no executable {name!r}; it has: {known}") from None
