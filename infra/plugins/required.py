"""The provider plugins that a stack needs, in the versions that its program asks for."""

import importlib.metadata
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_OF_CLOUD: Mapping[str, tuple[str, ...]] = {
    "kubernetes": ("kubernetes", "random"),
    "aws": ("aws", "kubernetes", "random"),
    "gcp": ("gcp", "kubernetes", "random"),
}
"""By cloud, the packages of Pulumi that its provider imports. The local cloud's plugin is part of this
project."""
_BUILDS_IMAGES = "docker"
PACKAGES = tuple(sorted({_BUILDS_IMAGES, *(name for names in _OF_CLOUD.values() for name in names)}))
"""Every package that some stack needs a plugin for."""
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Plugin:
    """The provider plugin of package `name`. The engine takes it in exactly this `version`."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def directory(self) -> str:
        """The name of its directory below `plugins/` of PULUMI_HOME."""
        return f"resource-{self.name}-v{self.version}"

    @property
    def archive(self) -> str:
        """The name of its archive for this machine's system and processor, as a mirror must serve it."""
        machine = os.uname()
        architecture = _ARCHITECTURES.get(machine.machine, machine.machine)
        return f"pulumi-resource-{self.name}-v{self.version}-{machine.sysname.lower()}-{architecture}.tar.gz"


def required(platform: Mapping[str, Any]) -> tuple[Plugin, ...]:
    """Returns the plugins that a stack needs whose file has `platform` as its `nebula:platform`."""
    names = _OF_CLOUD.get(str(platform.get("cloud")), ())
    match platform:
        case {"kubernetes": {"images": {"build": True}}} if names:
            names = (*names, _BUILDS_IMAGES)
    return tuple(Plugin(name, importlib.metadata.version(f"pulumi_{name}")) for name in sorted(names))
