"""The settings of projections."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Annotated, Self
from zlib import crc32

from pydantic import Field, StringConstraints, model_validator

from components.projections import PORT_RANGE
from infra.model import Model, StreamName, problem
from infra.subjects import MOST_TOKENS, Subject, has_token, overlap, repeated

_PORTS = PORT_RANGE.count
_Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,30}$")]
_ShardName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{1,16}$")]
_PortIndex = Annotated[int, Field(ge=0, lt=_PORTS)]
_PORT_INDEX = "of its worker's port among those of all, where its name's is another's"

_Field = Annotated[str, StringConstraints(pattern=r'^[^."\\\x00-\x1f]+(\.[^."\\\x00-\x1f]+)*$')]


class ShardSettings(Model):
    """A part of a view's events, which a worker of its own projects."""

    name: _ShardName
    subjects: list[Subject] = Field(min_length=1)
    port_index: _PortIndex | None = Field(default=None, description=_PORT_INDEX)


class LimitSettings(Model):
    """Limits the resources that a program may use for one event."""

    gas: int | None = Field(default=None, ge=1, le=10**9, description="thousands of steps")
    memory: int | None = Field(default=None, ge=16, le=1 << 16, description="MiB")
    seconds: float | None = Field(default=None, gt=0, le=3600)
    view: int | None = Field(default=None, ge=2, le=16 << 20, description="bytes of a view")


class ProjectionSettings(Model):
    """A view, made of a stream's events by a program (docs/projections.md)."""

    name: _Name
    stream: StreamName
    subjects: list[Subject] = Field(default_factory=list, description="of one worker")
    port_index: _PortIndex | None = Field(default=None, description=_PORT_INDEX)
    shards: list[ShardSettings] = Field(default_factory=list, description="instead of subjects: of several")
    tenant_token: int | None = Field(
        default=None,
        ge=0,
        lt=MOST_TOKENS,
        description="which token of a subject, from 0, must be the event's tenant",
    )
    fields: list[_Field] = Field(
        default_factory=list, description="what the program reads: payload.carrier; all if not given"
    )
    program: str | None = Field(default=None, min_length=1, description="the program's text")
    program_file: str | None = Field(default=None, description="or a file beside the stack file")
    limits: LimitSettings = Field(default_factory=LimitSettings)

    @property
    def parts(self) -> list[ShardSettings]:
        """Returns the shards of the view; a view without shards has one, named `all`."""
        return self.shards or [ShardSettings(name="all", subjects=self.subjects, port_index=self.port_index)]

    @property
    def keys(self) -> list[tuple[str | int, ...]]:
        """Returns the path of each part within the projection's settings."""
        return [("shards", number) for number in range(len(self.shards))] or [()]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.program is None) == (self.program_file is None):
            raise ValueError("give either program or program_file")
        if bool(self.subjects) == bool(self.shards):
            raise ValueError("give either subjects or shards")
        if self.shards and self.port_index is not None:
            raise problem(("port_index",), "each shard has a port_index of its own: give it there")
        names = [shard.name for shard in self.shards]
        for number, name in enumerate(names):
            if name in names[:number]:
                raise problem(("shards", number), f"shard {name} is declared twice")
        for number, field in enumerate(self.fields):
            if above := next((each for each in self.fields if field.startswith(f"{each}.")), None):
                raise problem(
                    ("fields", number),
                    f"{field} is a part of {above}, and the program would get nothing else of it: remove "
                    "one of them",
                )
        self._events()
        return self

    def _events(self) -> None:
        """Raises an error for subjects by which an event could belong to two shards, or have no tenant."""
        for key, part in zip(self.keys, self.parts, strict=True):
            if found := repeated(part.subjects):
                at, before = found
                raise problem(
                    (*key, "subjects", at),
                    f"{part.subjects[at]} matches messages that {before} does: NATS takes only one of them",
                )
            for subject in part.subjects:
                if self.tenant_token is not None and not has_token(subject, self.tenant_token):
                    tokens = len(subject.split("."))
                    raise problem(
                        ("tenant_token",),
                        f"{subject} has tokens 0 to {tokens - 1}: no event of it has a token "
                        f"{self.tenant_token}, and all would be quarantined",
                    )
        for (_, one), (number, other) in combinations(enumerate(self.shards), 2):
            for mine in one.subjects:
                for at, theirs in enumerate(other.subjects):
                    if overlap(mine, theirs):
                        raise problem(
                            ("shards", number, "subjects", at),
                            f"shards {one.name} and {other.name} would both fold what matches {mine} and "
                            f"{theirs}: an event belongs to one shard",
                        )


def workers(projections: Iterable[ProjectionSettings]) -> list[tuple[ProjectionSettings, ShardSettings]]:
    """Returns every worker as its projection and shard, in the order of declaration."""
    return [(projection, shard) for projection in projections for shard in projection.parts]


def port_indexes(projections: Iterable[ProjectionSettings]) -> dict[tuple[str, str], int]:
    """Returns the index of each worker's port in the range of all workers, by view and shard. It is
    `port_index` where the file has one, and otherwise follows from the worker's own names: adding or
    removing another worker moves none."""
    return {
        (projection.name, shard.name): crc32(f"{projection.name}-{shard.name}".encode()) % _PORTS
        if shard.port_index is None
        else shard.port_index
        for projection, shard in workers(projections)
    }


def check_projections(
    projections: Sequence[ProjectionSettings], streams: Mapping[str, Collection[str]], *, on_one_machine: bool
) -> None:
    """Raises PydanticCustomError for errors between projections, and between them and `streams` (name to
    subjects)."""
    names = [projection.name for projection in projections]
    for number, projection in enumerate(projections):
        if projection.name in names[:number]:
            raise problem(("projections", number), f"projection {projection.name} is declared twice")
        if projection.stream not in streams:
            known = ", ".join(streams) or "none"
            raise problem(
                ("projections", number, "stream"),
                f"projection {projection.name} reads stream {projection.stream}, which is not among streams "
                f"({known}): declare it there",
            )
        for key, part in zip(projection.keys, projection.parts, strict=True):
            for at, subject in enumerate(part.subjects):
                if not any(overlap(subject, kept) for kept in streams[projection.stream]):
                    kept = ", ".join(streams[projection.stream])
                    raise problem(
                        ("projections", number, *key, "subjects", at),
                        f"{subject} matches no message that stream {projection.stream} keeps ({kept}): "
                        "nothing would be folded",
                    )
    if on_one_machine:
        _check_port_indexes(projections)


def _check_port_indexes(projections: Sequence[ProjectionSettings]) -> None:
    """Raises PydanticCustomError for two workers with the same port. The limit holds on one
    machine only, since each pod has an address of its own."""
    found = port_indexes(projections)
    if len(found) > _PORTS:
        raise problem(
            ("projections",),
            f"there are {len(found)} workers, one for each shard, and a machine has ports for {_PORTS}: "
            "declare fewer, or run them on a cluster",
        )
    free = iter(sorted(set(range(_PORTS)) - set(found.values())))
    taken: dict[int, str] = {}
    wrong: list[str] = []
    first: tuple[str | int, ...] = ()
    for number, projection in enumerate(projections):
        for key, part in zip(projection.keys, projection.parts, strict=True):
            port_index, called = found[projection.name, part.name], f"{projection.name} ({part.name})"
            if port_index in taken:
                first = first or ("projections", number, *key)
                wrong.append(f"{called} and {taken[port_index]} (give the former port_index: {next(free)})")
            else:
                taken[port_index] = called
    if wrong:
        raise problem(
            first,
            f"workers come to the same port: {'; '.join(wrong)}",
        )
