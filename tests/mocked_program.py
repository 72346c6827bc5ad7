"""Runs a whole Pulumi program against the SDK's mocks (no engine, no provider) and records every
registration. All SDK state is in context variables, so each run has a context and a loop of its own.
"""

import asyncio
import contextvars
import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pulumi import runtime
from pulumi.runtime import mocks, rpc, settings


@dataclass(frozen=True)
class Registration:
    """One registered resource, as the engine would have received it. `inputs` shows secrets in
    clear, `plain_inputs` has `[secret]` in their place."""

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any]
    plain_inputs: Mapping[str, Any]
    parent: str
    provider: str
    dependencies: frozenset[str]
    protect: bool = False


@dataclass
class Run:
    """What a program registered, by URN, and what it exported; `plain_outputs` has `[secret]` for what
    is secret of it."""

    resources: dict[str, Registration] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    plain_outputs: Mapping[str, Any] = field(default_factory=dict)

    def of_type(self, token: str) -> dict[str, Registration]:
        return {found.name: found for found in self.resources.values() if found.type == token}


class LocalPlugin(mocks.Mocks):
    """Stands in for the local plugin: outputs are made from inputs, or unknown in a preview."""

    def __init__(self, preview: bool) -> None:
        self._preview = preview

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        outputs: dict[str, Any] = {
            "home": f"/software/{args.name}",
            "volume": f"volume-of-{args.name}",
            "result": {"changed": []},
            "value": f"secret-of-{args.name}",
        }
        if self._preview:
            outputs |= dict.fromkeys(("volume", "result", "value"), rpc.UNKNOWN)
        return "" if self._preview else f"{args.name}-id", {**args.inputs, **outputs}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"the program calls {args.token}, which nothing mocks")


class Kubernetes(mocks.Mocks):
    """Stands in for the Kubernetes, random and Docker providers: what the API server adds to an object
    that the program reads again (a name, a namespace, a uid), a random secret, and a pushed image's
    digest."""

    def __init__(self, preview: bool) -> None:
        self._preview = preview

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        if args.typ == "random:index/randomPassword:RandomPassword":
            result = rpc.UNKNOWN if self._preview else f"secret-of-{args.name}"
            return self._id(args), {**args.inputs, "result": result}
        if args.typ == "docker:index/image:Image":
            repository = str(args.inputs["imageName"]).rpartition(":")[0]
            digest = rpc.UNKNOWN if self._preview else f"{repository}@sha256:digest-of-{args.name}"
            return self._id(args), {**args.inputs, "repoDigest": digest}
        metadata = {"name": f"{args.name}-0000000", **(args.inputs.get("metadata") or {})}
        metadata["uid"] = rpc.UNKNOWN if self._preview else f"uid-of-{args.name}"
        return self._id(args), {**args.inputs, "metadata": metadata}

    def _id(self, args: mocks.MockResourceArgs) -> str:
        return "" if self._preview else args.resource_id or f"{args.name}-id"

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"the program calls {args.token}, which nothing mocks")


def _reveal(value: Any, secret: Callable[[Any], Any]) -> Any:
    if rpc.is_rpc_secret(value):
        return secret(_reveal(rpc.unwrap_rpc_secret(value), secret))
    if isinstance(value, dict):
        return {key: _reveal(item, secret) for key, item in value.items()}
    if isinstance(value, list):
        return [_reveal(item, secret) for item in value]
    return value


@contextmanager
def _own_loop() -> Iterator[None]:
    """The SDK's monitor opens an event loop in each worker thread and leaves it: this one is closed."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        asyncio.set_event_loop(None)
        loop.close()


@contextmanager
def _without_collection() -> Iterator[None]:
    """A run makes many objects, and the SDKs have loaded more: looking for cycles among them again and again
    is half of its time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class _Recorder(mocks.MockMonitor):
    def __init__(self, stand_in: mocks.Mocks, run: Run) -> None:
        super().__init__(stand_in)
        self._run = run

    def RegisterResource(self, request: Any) -> Any:
        urn = self.make_urn(request.parent, request.type, request.name)
        if urn in self._run.resources:
            raise AssertionError(f"registered twice: {urn}")
        inputs = rpc.deserialize_properties(request.object)
        self._run.resources[urn] = Registration(
            urn=urn,
            type=request.type,
            name=request.name,
            inputs=_reveal(inputs, lambda value: value),
            plain_inputs=_reveal(inputs, lambda value: "[secret]"),
            parent=request.parent,
            provider=request.provider,
            dependencies=frozenset(request.dependencies),
            protect=request.protect,
        )
        with _own_loop():
            return super().RegisterResource(request)  # type: ignore[no-untyped-call] # the SDK's own

    def Invoke(self, request: Any) -> Any:
        with _own_loop():
            return super().Invoke(request)  # type: ignore[no-untyped-call] # the same

    def ReadResource(self, request: Any) -> Any:
        with _own_loop():
            return super().ReadResource(request)  # type: ignore[no-untyped-call] # the same

    def RegisterResourceOutputs(self, request: Any) -> Any:
        registered = self._run.resources.get(request.urn)
        if registered is not None and registered.type == "pulumi:pulumi:Stack":
            outputs = rpc.deserialize_properties(request.outputs)
            self._run.outputs = _reveal(outputs, lambda value: value)
            self._run.plain_outputs = _reveal(outputs, lambda value: "[secret]")
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call] # the same


def run_program(
    program: Callable[[], None],
    *,
    stack: str = "local",
    preview: bool = False,
    stand_in: Callable[[bool], mocks.Mocks] = LocalPlugin,
) -> Run:
    """Run `program` to its end and return what it registered. Raises what the program raises."""

    def isolated() -> Run:
        run = Run()
        settings.ROOT.set(None)
        settings.configure(
            mocks.MockSettings(
                monitor=_Recorder(stand_in(preview), run),
                engine=mocks.MockEngine(None),
                project="nebula",
                stack=stack,
                dry_run=preview,
                organization="organization",
                outputs=set(),
                monitor_features=set(),
                package_refs={},
                callbacks=None,
                parallel=None,
                root_directory=None,
                legacy_apply_enabled=False,
            )
        )
        runtime.set_all_config({}, [])
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(runtime.run_in_stack(program))
        finally:
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()
            asyncio.set_event_loop(None)
        run.resources = {
            urn: found for urn, found in run.resources.items() if found.type != "pulumi:pulumi:Stack"
        }
        return run

    with _without_collection():
        return contextvars.copy_context().run(isolated)
