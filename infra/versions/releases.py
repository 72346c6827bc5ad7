"""A pinned version, and the newest release that its registry has."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pin:
    """The package `name` is pinned to `version` in the file or software row `place`."""

    name: str
    version: str
    place: str


@dataclass(frozen=True)
class Newer:
    """A pin whose registry has the newer release `newest`."""

    pin: Pin
    newest: str
