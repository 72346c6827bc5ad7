"""The content and configuration of the image of each row of the software table."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow

from components.software import HAPROXY, JAVA_21, JAVA_25, NESSIE, PROVISIONER, SPARK, TABLE
from components.software.images import reference
from components.software.model import BundledApp, Software
from providers.local.artifacts import Progress, install, locked_parts
from tests.testbed.errors import ImageError
from tests.testbed.images import base, spark
from tests.testbed.images.layers import Layer, Part, Symlink, Text, Tree, make

MIRROR = "registry.nebula.test"
"""The registry under which the testbed has all images; nobody serves it, nothing is pulled."""

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_JAVA = {software.java: software for software in (JAVA_21, JAVA_25)}
_USES: Mapping[str, tuple[Software, ...]] = {"flights": (SPARK,)}
"""Software that stands beside an app's own in its image, as `Program.uses` has it."""
CLIENT = f"{MIRROR}/testbed/client:1"
"""The image of the tests' clients: the provisioner's packages, and those that PyIceberg reads tables with."""


@dataclass(frozen=True)
class ImageConfig:
    """The part of an image's configuration that a container runtime reads."""

    user: str = ""
    environment: Mapping[str, str] = field(default_factory=lambda: {"PATH": SYSTEM_PATH})
    directory: str = "/"
    entrypoint: tuple[str, ...] = ()


@dataclass(frozen=True)
class Image:
    """An image that can be loaded under the name `reference`."""

    reference: str
    layers: tuple[Layer, ...]
    config: ImageConfig


def rows(names: Sequence[str] = ()) -> list[Software]:
    """Return the rows of the software table that run as containers, or only those called `names`."""
    chosen = [software for name, software in TABLE.items() if not name.startswith("java-")]
    return [software for software in chosen if not names or software.name in names]


def images(names: Sequence[str], cache: Path, progress: Progress) -> list[Image]:
    """Return the images of the rows that run as containers, or only of those called `names`. Images that are
    not in the cache are made."""
    debian = base.layer(cache, progress)
    made = []
    for row in rows(names):
        made.append(
            _packaged(row, cache, progress) if row is HAPROXY else _image(row, debian, cache, progress)
        )
        if row is PROVISIONER:
            made.append(_client(made[-1], cache))
    return made


def _packaged(software: Software, cache: Path, progress: Progress) -> Image:
    """Return an image with Debian's package of the software. It is an older release, because no other
    registry here has the software."""
    debian = base.layer(cache, progress, (software.name,))
    program = Symlink(f"{software.image.home}/sbin/{software.name}", f"/usr/sbin/{software.name}")
    layers = (debian, make([program, _accounts(software, debian)], cache))
    return Image(reference(software.image, MIRROR), layers, ImageConfig(user=str(software.image.user)))


def _client(provisioner: Image, cache: Path) -> Image:
    """Return the image of the tests' clients. Its PyArrow comes from this Python's own environment, whose
    requirements pin it."""
    source = Path(pyarrow.__file__).parent
    packages = f"python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    tree = Tree(
        source, f"/app/venv/lib/{packages}/pyarrow", f"pyarrow {pyarrow.__version__}", ("include", "tests")
    )
    return replace(provisioner, reference=CLIENT, layers=(*provisioner.layers, make([tree], cache)))


def _image(software: Software, debian: Layer, cache: Path, progress: Progress) -> Image:
    together = (*_USES.get(software.name, ()), software)
    java = next((_JAVA[row.java] for row in together if row.java is not None), None)
    layers = [debian]
    path = [f"{row.image.home}/bin" for row in reversed(together)]
    environment = {}
    if java is not None:
        home = install(java.name, java.version, locked_parts(java), cache, progress)
        layers.append(make([Tree(home, java.image.home, home.name)], cache))
        path.insert(0, f"{java.image.home}/bin")
        environment["JAVA_HOME"] = java.image.home
    for row in together:
        layers += _layers(row, debian, cache, progress)
    layers.append(make([_accounts(software, debian)], cache))
    if SPARK in together:
        environment["SPARK_HOME"] = SPARK.image.home
    config = ImageConfig(
        user=str(software.image.user),
        environment={"PATH": ":".join([*path, SYSTEM_PATH]), **environment},
        directory=spark.WORK_DIRECTORY if software is SPARK else "/",
        entrypoint=(spark.ENTRYPOINT,) if software is SPARK else (),
    )
    return Image(reference(software.image, MIRROR), tuple(layers), config)


def _layers(software: Software, debian: Layer, cache: Path, progress: Progress) -> list[Layer]:
    """Return the layers that one row of the software table adds to the base layer `debian`."""
    home = install(software.name, software.version, locked_parts(software), cache, progress)
    target = software.image.home
    if any(isinstance(part, BundledApp) for part in software.parts):
        return [
            make(parts, cache)
            for parts in (_venv(home, debian), [Tree(home / "src", f"{target}/src", home.name)])
        ]
    whole = Tree(home, target, home.name)
    if software is NESSIE:
        # The official image has an exploded application behind a jar of this name.
        jar = next((home / "lib").iterdir()).name
        return [
            make([Tree(home / "lib", target, home.name), Symlink(f"{target}/quarkus-run.jar", jar)], cache)
        ]
    if software is SPARK:
        return [make([whole], cache), make(spark.parts(), cache)]
    return [make([whole], cache)]


def _venv(home: Path, debian: Layer) -> list[Part]:
    """Return the packages of a bundled app, as parts of a layer, for the image's own Python."""
    venv = (home / "venv").resolve()
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if not base.has(debian, f"usr/bin/{python}"):
        raise ImageError(
            f"the apps' packages are for {python}, which Debian's release here does not have. Run the "
            "testbed with the Python of this Debian."
        )
    packages = Path("lib", python, "site-packages")
    settings = "home = /usr/bin\ninclude-system-site-packages = false\n"
    return [
        Tree(venv / packages, f"/app/venv/{packages}", venv.name),
        Text("/app/venv/pyvenv.cfg", settings),
        Symlink("/app/venv/bin/python", f"/usr/bin/{python}"),
    ]


def _accounts(software: Software, debian: Layer) -> Part:
    """Return the file /etc/passwd with the image's user in it, because initdb and Hadoop refuse a user
    without a name."""
    user = software.image.user
    entry = f"{software.name}:x:{user}:{user}::/nonexistent:/usr/sbin/nologin\n"
    return Text("/etc/passwd", base.read(debian, "etc/passwd") + entry)
