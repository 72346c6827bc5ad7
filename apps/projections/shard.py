"""One shard of one view, and one generation of it: the two values that the parts of the app are given."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from apps.kit.settings import Spec, SpecError
from apps.projections.envelope import EventDecoder
from apps.projections.errors import ProgramError, StoreError, StoreGoneError
from apps.projections.field_selection import FieldSelection
from apps.projections.generations.registry import Generations
from apps.projections.generations.states import Generation, GenerationError, State
from apps.projections.jetstream import ConsumerConfig
from apps.projections.keys import CheckpointKey
from apps.projections.nats_connection import Login
from apps.projections.projector import Projector
from apps.projections.sandbox.process import Sandbox
from apps.projections.spec import NatsSpec, Projection, ServiceSpec, read
from apps.projections.store import MAP_SIZE, Store
from apps.projections.subscription import PullLimits


class Shard(Spec):
    """The declaration of a shard, the folder of its generations, and the NATS server of its stream.

    It is made once, by `load`, and is handed on whole. `assignment` resolves it for one of its generations.
    `ack_wait` is how many seconds NATS waits for an
    acknowledgement before it delivers an event again; `map_size` is the largest size of a store, in bytes.
    """

    projection: Projection
    directory: Path
    nats: NatsSpec
    ack_wait: float = Field(default=60.0, gt=0)
    map_size: int = Field(default=MAP_SIZE, gt=0)

    @property
    def view(self) -> str:
        """The name of the view."""
        return self.projection.view

    @property
    def login(self) -> Login:
        """The address of NATS, with the user to log in as."""
        return self.nats.login

    @property
    def generations(self) -> Generations:
        """The generations of the shard, on disk."""
        return Generations(self.directory)

    def assignment(self, generation: Generation) -> "Assignment":
        """Returns what it takes to work on `generation`, whatever is declared by now."""
        source = generation.source or self.projection.source
        return Assignment(
            shard=self,
            generation=generation,
            path=self.generations.path(generation),
            consumer=ConsumerConfig(
                stream=source.stream,
                name=f"{self.view}-{self.projection.shard}-{generation.number}",
                subjects=source.subjects,
                window=PullLimits().window,
                ack_wait=self.ack_wait,
            ),
            tenant_token=source.tenant_token,
            fields=source.fields,
        )

    def assignments(self) -> "tuple[Assignment, ...]":
        """Returns an assignment for each generation, retired ones too, oldest first."""
        return tuple(self.assignment(each) for each in self.generations.in_state(*State))

    def answering(self) -> "Assignment | None":
        """Returns the assignment of the generation that queries are answered from; None if there is none."""
        generation = self.generations.answering
        return None if generation is None else self.assignment(generation)

    @contextmanager
    def answering_store(self) -> Iterator[Store]:
        """Opens the store that queries are answered from, for reading. Raises StoreError if there is none."""
        store = self._open_answering()
        try:
            yield store
        finally:
            store.close()

    def _open_answering(self) -> Store:
        while True:
            assignment = self._require_answering()
            try:
                return assignment.open_store(read_only=True)
            except StoreGoneError:
                # Another one began to answer, and this one was retired, since it was looked up.
                if self._require_answering() == assignment:
                    raise

    def _require_answering(self) -> "Assignment":
        try:
            assignment = self.answering()
        except GenerationError as error:
            raise StoreError(str(error)) from error
        if assignment is None:
            raise StoreError(f"{self.view} has no views yet: its service has not started")
        return assignment

    def encoded(self) -> bytes:
        """Returns the shard as one line of JSON, with the password of NATS: for the pipe to a child
        process."""
        content = self.model_dump(mode="json")
        content["nats"]["password"] = self.nats.password.get_secret_value()
        return json.dumps(content).encode() + b"\n"


@dataclass(frozen=True)
class Assignment:
    """One generation of a shard, with what a worker needs to keep it up to date.

    `path` is the folder of its store and `consumer` its JetStream consumer. `tenant_token` and `fields` are
    those that the generation is built from, as in Projection: the shard may declare others by now.
    """

    shard: Shard
    generation: Generation
    path: Path
    consumer: ConsumerConfig
    tenant_token: int | None
    fields: tuple[str, ...]

    @property
    def login(self) -> Login:
        """The address of NATS, with the user to log in as."""
        return self.shard.login

    def open_store(self, *, read_only: bool = False) -> Store:
        """Opens the generation's store. Raises StoreGoneError if it was retired, StoreError if that fails."""
        key = CheckpointKey(self.shard.projection.shard, self.shard.view)
        return Store(self.path, key, map_size=self.shard.map_size, read_only=read_only)

    @contextmanager
    def projector(self) -> Iterator[Projector]:
        """Yields what applies events to the views, by the generation's own program in a sandbox.

        Raises GenerationError if the generation was retired.
        """
        selection = FieldSelection(self.fields) if self.fields else None
        program = self.shard.generations.program(self.generation)
        sandbox = Sandbox(program, self.shard.projection.limits)
        try:
            yield Projector(self.shard.view, EventDecoder(self.tenant_token), sandbox, selection)
        finally:
            sandbox.close()


def load(path: Path, environment: Mapping[str, str] = os.environ) -> tuple[ServiceSpec, tuple[Shard, ...]]:
    """Reads the spec of a service at `path`, and the manifest that it names.

    Returns the spec, and a shard for each projection of the manifest. Raises SpecError, which names each key
    that is wrong.
    """
    spec, manifest = read(path, environment)
    shards = (
        Shard(projection=each, directory=spec.directory / each.view, nats=spec.nats)
        for each in manifest.projections
    )
    return spec, tuple(shards)


def check_programs(shards: tuple[Shard, ...]) -> None:
    """Loads the declared program of each shard once, so that a wrong one is refused before anything starts.

    Raises SpecError, with the interpreter's message.
    """
    for shard in shards:
        sandbox = Sandbox(shard.projection.program, shard.projection.limits)
        try:
            sandbox.load()
        except ProgramError as error:
            raise SpecError(f"projection {shard.view}: {error}") from error
        finally:
            sandbox.close()
