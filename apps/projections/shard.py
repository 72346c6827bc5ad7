"""One shard of one view, as every part of the app is given it."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import Field

from apps.kit.settings import Spec, SpecError
from apps.projections.envelope import EventDecoder
from apps.projections.errors import ProgramError, StoreError, StoreGoneError
from apps.projections.field_selection import FieldSelection
from apps.projections.generations.registry import Generations
from apps.projections.generations.states import Generation, GenerationError
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

    It is made once, by `load`, and is handed on whole. Its methods answer what follows from it: the store,
    the consumer and the program of a generation. `ack_wait` is how many seconds NATS waits for an
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

    def declaration(self, generation: Generation) -> Projection:
        """Returns the declaration that `generation` is built from, whatever is declared by now.

        Its `program` is not looked up: `sandbox` runs the one that was stored with the generation.
        """
        source = generation.source or self.projection.source
        return self.projection.model_copy(
            update={
                "stream": source.stream,
                "subjects": source.subjects,
                "tenant_token": source.tenant_token,
                "fields": source.fields,
            }
        )

    def consumer(self, generation: Generation) -> ConsumerConfig:
        """Returns the JetStream consumer of `generation`."""
        declaration = self.declaration(generation)
        return ConsumerConfig(
            stream=declaration.stream,
            name=f"{declaration.view}-{declaration.shard}-{generation.number}",
            subjects=declaration.subjects,
            window=PullLimits().window,
            ack_wait=self.ack_wait,
        )

    def sandbox(self, generation: Generation) -> Sandbox:
        """Returns a sandbox for the program of `generation`. Raises GenerationError if it was retired."""
        return Sandbox(self.generations.program(generation), self.projection.limits)

    def projector(self, generation: Generation, sandbox: Sandbox) -> Projector:
        """Returns what applies events to the views of `generation`, by the program in `sandbox`."""
        declaration = self.declaration(generation)
        selection = FieldSelection(declaration.fields) if declaration.fields else None
        return Projector(declaration.view, EventDecoder(declaration.tenant_token), sandbox, selection)

    def open_store(self, generation: Generation, *, read_only: bool = False) -> Store:
        """Opens the store of `generation`. Raises StoreGoneError if it was retired, StoreError if it
        fails."""
        return Store(
            self.generations.path(generation),
            CheckpointKey(self.projection.shard, self.view),
            map_size=self.map_size,
            read_only=read_only,
        )

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
            generation = self._answering()
            if generation is None:
                raise StoreError(f"{self.view} has no views yet: its service has not started")
            try:
                return self.open_store(generation, read_only=True)
            except StoreGoneError:
                # Another one began to answer, and this one was retired, since it was looked up.
                if self._answering() == generation:
                    raise

    def _answering(self) -> Generation | None:
        try:
            return self.generations.answering
        except GenerationError as error:
            raise StoreError(str(error)) from error

    def encoded(self) -> bytes:
        """Returns the shard as one line of JSON, with the password of NATS: for the pipe to a child
        process."""
        content = self.model_dump(mode="json")
        content["nats"]["password"] = self.nats.password.get_secret_value()
        return json.dumps(content).encode() + b"\n"


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
