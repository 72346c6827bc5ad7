"""Serves the gRPC service ResourceProvider: it dispatches the engine's requests to one class per resource
type."""

import errno
import logging
import traceback
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from providers.local.plugin.artifact import ArtifactType
from providers.local.plugin.command_runner import kill_children
from providers.local.plugin.engine_client import EngineClient
from providers.local.plugin.errors import CancelledError, PluginError
from providers.local.plugin.host import HostType
from providers.local.plugin.process import ProcessType
from providers.local.plugin.properties import Properties, from_struct, to_struct
from providers.local.plugin.resource_type import PluginContext, ResourceDiff, ResourceType
from providers.local.plugin.secret import SecretType
from providers.local.plugin.task import TaskType

T = TypeVar("T")

PACKAGE = "nebula-local"
VERSION = "0.1.0"

_log = logging.getLogger(__name__)


class ResourceProvider(provider_pb2_grpc.ResourceProviderServicer):
    """The gRPC service of `nebula-local`. The names of its methods are the protocol's.

    It does not accept secret values: the engine unwraps them, and marks outputs of the same name as secret
    again.
    """

    def __init__(self, engine: EngineClient) -> None:
        self._engine = engine
        plugin_context = PluginContext(engine)
        kinds: dict[str, Callable[[PluginContext], ResourceType]] = {
            "Host": HostType,
            "Artifact": ArtifactType,
            "Process": ProcessType,
            "Task": TaskType,
            "Secret": SecretType,
        }
        self._resources = {name: kind(plugin_context) for name, kind in kinds.items()}

    def Handshake(self, request: Any, context: Any) -> Any:
        self._engine.connect(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: Any, context: Any) -> Any:
        self._engine.connect(request.address)
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetSchemaResponse(schema=f'{{"name":"{PACKAGE}","version":"{VERSION}"}}')

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:
        inputs = from_struct(request.news)
        failures = self._do(context, lambda: self._resource(request.urn).check(request.urn, inputs))
        return provider_pb2.CheckResponse(
            inputs=request.news,
            failures=[
                provider_pb2.CheckFailure(property=item.property, reason=item.reason) for item in failures
            ],
        )

    def Diff(self, request: Any, context: Any) -> Any:
        state, old, inputs = (from_struct(part) for part in (request.olds, request.old_inputs, request.news))
        inputs = {**inputs, **{key: old.get(key) for key in request.ignoreChanges}}
        return _diff_response(
            self._do(context, lambda: self._resource(request.urn).diff(request.urn, state, old, inputs))
        )

    def Create(self, request: Any, context: Any) -> Any:
        resource, inputs = self._resource(request.urn), from_struct(request.properties)
        if request.preview:
            outputs = self._do(context, lambda: resource.preview(request.urn, {}, {}, inputs))
            return provider_pb2.CreateResponse(id="", properties=to_struct(outputs))
        made, outputs = self._do(context, lambda: resource.create(request.urn, inputs))
        return provider_pb2.CreateResponse(id=made, properties=to_struct(outputs))

    def Update(self, request: Any, context: Any) -> Any:
        resource = self._resource(request.urn)
        state, old, inputs = (from_struct(part) for part in (request.olds, request.old_inputs, request.news))
        inputs = {**inputs, **{key: old.get(key) for key in request.ignoreChanges}}

        def outputs() -> Properties:
            if request.preview:
                return resource.preview(request.urn, state, old, inputs)
            return resource.update(request.urn, state, old, inputs)

        return provider_pb2.UpdateResponse(properties=to_struct(self._do(context, outputs)))

    def Read(self, request: Any, context: Any) -> Any:
        state, inputs = from_struct(request.properties), from_struct(request.inputs)
        if not state:
            self._abort(
                context,
                grpc.StatusCode.UNIMPLEMENTED,
                "resources of nebula-local cannot be imported; declare them in the program, and `pulumi "
                "up` creates them",
            )
        found = self._do(context, lambda: self._resource(request.urn).read(state, inputs))
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(id=request.id, properties=to_struct(found), inputs=request.inputs)

    def Delete(self, request: Any, context: Any) -> Any:
        state = from_struct(request.properties)
        self._do(context, lambda: self._resource(request.urn).delete(request.urn, state))
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        self._engine.cancel()
        kill_children()
        return empty_pb2.Empty()

    def _resource(self, urn: str) -> ResourceType:
        # urn:pulumi:<stack>::<project>::<parent types>$<package>:<module>:<type>::<name>
        return self._resources[urn.split("::")[2].rpartition(":")[2]]

    def _do(self, context: Any, operation: Callable[[], T]) -> T:
        """Return the result of `operation`, or end the request with the operation's error."""
        try:
            return operation()
        except CancelledError as error:
            self._abort(context, grpc.StatusCode.CANCELLED, str(error))
        except PluginError as error:
            self._abort(context, grpc.StatusCode.UNKNOWN, str(error))
        except OSError as error:
            self._abort(context, grpc.StatusCode.UNKNOWN, _system_message(error))
        except Exception as error:  # noqa: BLE001  # the engine must hear of any defect
            _log.exception("request failed")
            where = traceback.extract_tb(error.__traceback__)[-1]
            self._abort(
                context,
                grpc.StatusCode.INTERNAL,
                f"{type(error).__name__}: {error} ({where.filename}:{where.lineno}). This is a defect of "
                "Nebula: report it",
            )

    def _abort(self, context: Any, code: grpc.StatusCode, message: str) -> NoReturn:
        context.abort(code, message)
        raise AssertionError("abort returned")


def _system_message(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    remedy = "; free some space, then run `pulumi up` again" if error.errno == errno.ENOSPC else ""
    return f"{error.strerror or error}{where}{remedy}"


def _diff_response(changes: ResourceDiff) -> Any:
    detailed = {}
    for path, kind in changes.inputs.items():
        replaces = path in changes.replace
        value = getattr(provider_pb2.PropertyDiff, f"{kind}_replace".upper() if replaces else kind.upper())
        detailed[path] = provider_pb2.PropertyDiff(kind=value, inputDiff=True)
    for path in changes.drift:
        detailed.setdefault(path, provider_pb2.PropertyDiff(kind=provider_pb2.PropertyDiff.UPDATE))
    kinds = provider_pb2.DiffResponse
    return provider_pb2.DiffResponse(
        changes=kinds.DIFF_SOME if detailed else kinds.DIFF_NONE,
        diffs=sorted({path.partition(".")[0].partition("[")[0] for path in detailed}),
        detailedDiff=detailed,
        hasDetailedDiff=True,
        replaces=changes.replace,
        # The replacement needs the same ports and directory.
        deleteBeforeReplace=bool(changes.replace),
    )
