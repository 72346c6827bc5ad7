"""Projections in the stack's configuration."""

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Annotated, Self
from zlib import crc32

from pydantic import Field, StringConstraints, model_validator

from infra.model import Model, StreamName
from providers.local.ports import SEVERAL

_MOST = SEVERAL["projections.http"].count
_Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,30}$")]
_ShardName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{1,16}$")]
_Subject = Annotated[str, StringConstraints(pattern=r"^[^\s.]+(\.[^\s.]+)*$")]

_Field = Annotated[str, StringConstraints(pattern=r'^[^."\\\x00-\x1f]+(\.[^."\\\x00-\x1f]+)*$')]


class ShardSettings(Model):
    """A part of a view's events, folded by a worker of its own."""

    name: _ShardName
    subjects: list[_Subject] = Field(min_length=1)


class LimitSettings(Model):
    """What a program may use for one event."""

    gas: int | None = Field(default=None, ge=1, description="thousands of steps")
    memory: int | None = Field(default=None, ge=16, description="MiB")
    seconds: float | None = Field(default=None, gt=0)
    view: int | None = Field(default=None, ge=2, le=16 << 20, description="bytes of a view")


class ProjectionSettings(Model):
    """A view, made of a stream's events by a program (docs/projections.md)."""

    name: _Name
    stream: StreamName
    subjects: list[_Subject] = Field(default_factory=list, description="of one worker")
    shards: list[ShardSettings] = Field(default_factory=list, description="instead of subjects: of several")
    tenant_token: int | None = Field(
        default=None, ge=0, description="which token of a subject, from 0, must be the event's tenant"
    )
    fields: list[_Field] = Field(
        default_factory=list, description="what the program reads: payload.carrier; all if not given"
    )
    program: str | None = Field(default=None, min_length=1, description="the program's text")
    program_file: str | None = Field(default=None, description="or a file beside the stack file")
    limits: LimitSettings = Field(default_factory=LimitSettings)

    @property
    def parts(self) -> list[ShardSettings]:
        """Its shards; `all` where it is not divided."""
        return self.shards or [ShardSettings(name="all", subjects=self.subjects)]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.program is None) == (self.program_file is None):
            raise ValueError("give either program or program_file")
        if bool(self.subjects) == bool(self.shards):
            raise ValueError("give either subjects or shards")
        names = [shard.name for shard in self.shards]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"shard {repeated[0]} is declared twice")
        for one, other in combinations(self.shards, 2):
            for mine in one.subjects:
                for theirs in other.subjects:
                    if overlap(mine, theirs):
                        raise ValueError(
                            f"shards {one.name} and {other.name} would both fold what matches {mine} and "
                            f"{theirs}: an event belongs to one shard"
                        )
        return self


def overlap(one: str, other: str) -> bool:
    """Whether some subject matches both filters: `*` stands for a token, a last `>` for one or more."""
    mine, theirs = one.split("."), other.split(".")
    for left, right in zip(mine, theirs, strict=False):
        if ">" in (left, right):
            return True
        if "*" not in (left, right) and left != right:
            return False
    return len(mine) == len(theirs)


def workers(projections: Iterable[ProjectionSettings]) -> list[tuple[ProjectionSettings, ShardSettings]]:
    """Every worker, in the order of declaration."""
    return [(projection, shard) for projection in projections for shard in projection.parts]


def places(projections: Iterable[ProjectionSettings]) -> dict[tuple[str, str], int]:
    """Of each worker, by view and shard, among the ports of all: it follows from its names, so that one that
    is declared or removed moves no others, and can run beside those that it takes over from. The later of two
    whose names come to the same takes the next that is free."""
    found: dict[tuple[str, str], int] = {}
    for projection, shard in workers(projections):
        place = crc32(f"{projection.name}-{shard.name}".encode()) % _MOST
        while place in found.values():
            place = (place + 1) % _MOST
        found[projection.name, shard.name] = place
    return found


def check_projections(projections: Sequence[ProjectionSettings], streams: Sequence[str]) -> None:
    """Raises ValueError for what one projection alone cannot tell."""
    names = [projection.name for projection in projections]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"projection {repeated[0]} is declared twice")
    for projection in projections:
        if projection.stream not in streams:
            known = ", ".join(streams) or "none"
            raise ValueError(
                f"projection {projection.name} reads stream {projection.stream}, which is not among streams "
                f"({known}): declare it there"
            )
    if len(workers(projections)) > _MOST:
        raise ValueError(f"projections: {len(workers(projections))} shards in all; {_MOST} are allowed")
