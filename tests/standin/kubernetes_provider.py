"""The stand-in for `pulumi-resource-kubernetes`, which answers the engine's requests."""

import importlib.metadata
import logging
import os
import traceback
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf import any_pb2, empty_pb2
from google.rpc import status_pb2  # type: ignore[import-untyped]  # published without types
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from providers.local.plugin.engine_client import EngineClient
from providers.local.plugin.properties import UNKNOWN, Properties, from_struct, to_struct
from tests.standin import changes
from tests.standin.cluster import Cluster, Manifest, Reference, kubeconfig_content
from tests.standin.errors import StandinError, UnreachableError, UnreadyError
from tests.standin.objects import Objects, autonamed, inputs_of

T = TypeVar("T")

_VARIABLE = "kubernetes:config:"
_log = logging.getLogger(__name__)


class KubernetesProvider(provider_pb2_grpc.ResourceProviderServicer):
    """The gRPC service of `kubernetes`. The names of its methods are the protocol's.

    It does not accept secret values: the engine unwraps them, and marks outputs of the same name as secret
    again.
    """

    def __init__(self, engine: EngineClient) -> None:
        self._engine = engine
        self._objects: Objects | None = None
        self._unreachable: UnreachableError | None = None
        self._mutable: dict[str, bool] = {}

    def Handshake(self, request: Any, context: Any) -> Any:
        self._engine.connect(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: Any, context: Any) -> Any:
        self._engine.connect(request.address)
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=importlib.metadata.version("pulumi_kubernetes"))

    def GetSchema(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetSchemaResponse(schema='{"name":"kubernetes"}')

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        old, new = from_struct(request.olds), from_struct(request.news)
        changed = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
        moved = self._do(context, lambda: _is_another_cluster(old, new))
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=changed,
            replaces=[key for key in changed if key in {"kubeconfig", "context"}] if moved else [],
        )

    def Configure(self, request: Any, context: Any) -> Any:
        settings = {key.removeprefix(_VARIABLE): value for key, value in request.variables.items()}
        for kind, name in (("ConfigMap", "enableConfigMapMutable"), ("Secret", "enableSecretMutable")):
            variable = "PULUMI_K8S_ENABLE_" + kind.upper() + "_MUTABLE"
            self._mutable[kind] = (settings.get(name) or os.environ.get(variable)) == "true"
        try:
            cluster = Cluster(
                settings.get("kubeconfig", ""), settings.get("context") or None, settings.get("namespace", "")
            )
        except UnreachableError as error:
            # Said once something asks for the cluster: a default provider may never be used.
            self._unreachable = error
        else:
            self._objects = Objects(cluster, self._engine)
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:
        old, inputs = inputs_of(request.olds), inputs_of(request.news)
        metadata = inputs.setdefault("metadata", {})
        if isinstance(metadata, dict):
            if metadata.get("generateName"):
                reason = (
                    "generateName cannot be applied; leave the name out, and it is made from the resource's"
                )
                return provider_pb2.CheckResponse(
                    failures=[provider_pb2.CheckFailure(property="metadata.generateName", reason=reason)]
                )
            objects = self._do(context, self._reached)
            if not metadata.get("name"):
                autonamed(metadata, old, request.name or request.urn.rpartition("::")[2], request.randomSeed)
            api_version, kind = kind_of(request.urn, inputs)
            if not metadata.get("namespace") and self._do(
                context, lambda: objects.namespaced(api_version, kind)
            ):
                metadata["namespace"] = objects.cluster.namespace
        return provider_pb2.CheckResponse(inputs=to_struct(inputs))

    def Diff(self, request: Any, context: Any) -> Any:
        old, new, live = inputs_of(request.old_inputs), inputs_of(request.news), from_struct(request.olds)
        return changes.diff_response(old, new, live, self._mutable.get(str(new.get("kind")), False))

    def Create(self, request: Any, context: Any) -> Any:
        inputs = inputs_of(request.properties)
        objects = self._do(context, self._reached)
        if request.preview:
            preview = self._do(context, lambda: objects.preview_creation(request.urn, inputs))
            return provider_pb2.CreateResponse(id="", properties=to_struct(_outputs(preview or inputs)))
        live = self._do(context, lambda: objects.create(request.urn, inputs, request.timeout))
        return provider_pb2.CreateResponse(id=_id(live), properties=to_struct(_outputs(live)))

    def Update(self, request: Any, context: Any) -> Any:
        inputs, state = inputs_of(request.news), from_struct(request.olds)
        objects, ignored = self._do(context, self._reached), list(request.ignoreChanges)
        if request.preview:
            preview = self._do(context, lambda: objects.preview_update(request.urn, state, inputs, ignored))
            return provider_pb2.UpdateResponse(properties=to_struct(_outputs(preview or inputs)))
        live = self._do(context, lambda: objects.update(request.urn, state, inputs, ignored, request.timeout))
        return provider_pb2.UpdateResponse(properties=to_struct(_outputs(live)))

    def Read(self, request: Any, context: Any) -> Any:
        state, inputs = from_struct(request.properties), inputs_of(request.inputs)
        api_version, kind = kind_of(request.urn, inputs or state)
        namespace, _, name = request.id.rpartition("/")
        objects = self._do(context, self._reached)
        live, unready = self._do(
            context, lambda: objects.read(Reference(api_version, kind, namespace, name), state, inputs)
        )
        if live is None:
            return provider_pb2.ReadResponse()
        if inputs:
            inputs = changes.refreshed(inputs, state, live)
        else:
            inputs = {key: value for key, value in live.items() if key != "status"}
            inputs["metadata"] = changes.writable_metadata(live["metadata"])
        if unready:
            self._abort_unready(context, UnreadyError(unready, live), inputs)
        return provider_pb2.ReadResponse(
            id=request.id, properties=to_struct(_outputs(live)), inputs=to_struct(inputs)
        )

    def Delete(self, request: Any, context: Any) -> Any:
        state, inputs = from_struct(request.properties), inputs_of(request.old_inputs)
        api_version, kind = kind_of(request.urn, state)
        namespace, _, name = request.id.rpartition("/")
        reference = Reference(api_version, kind, namespace, name)
        objects = self._do(context, self._reached)
        self._do(context, lambda: objects.delete(request.urn, reference, inputs or state, request.timeout))
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        self._engine.cancel()
        return empty_pb2.Empty()

    def _reached(self) -> Objects:
        if self._objects is None:
            raise self._unreachable or UnreachableError("the provider was not configured")
        return self._objects

    def _do(self, context: Any, operation: Callable[[], T]) -> T:
        """Return the result of `operation`, or end the request with the operation's error."""
        try:
            return operation()
        except UnreadyError as error:
            self._abort_unready(context, error)
        except StandinError as error:
            self._abort(context, grpc.StatusCode.UNKNOWN, str(error))
        except Exception as error:  # noqa: BLE001  # the engine must hear of any defect
            _log.exception("request failed")
            where = traceback.extract_tb(error.__traceback__)[-1]
            message = f"{type(error).__name__}: {error} ({where.filename}:{where.lineno}); our defect"
            self._abort(context, grpc.StatusCode.INTERNAL, message)

    def _abort_unready(self, context: Any, error: UnreadyError, inputs: Properties | None = None) -> NoReturn:
        """End the request with an error that carries the object, so that the engine records it and updates it
        next time."""
        failure = provider_pb2.ErrorResourceInitFailed(
            id=_id(error.live),
            properties=to_struct(_outputs(error.live)),
            reasons=[str(error)],
            inputs=to_struct(inputs) if inputs else None,
        )
        detail = any_pb2.Any()
        detail.Pack(failure)
        status = status_pb2.Status(
            code=grpc.StatusCode.UNKNOWN.value[0], message=str(error), details=[detail]
        )
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        self._abort(context, grpc.StatusCode.UNKNOWN, str(error))

    def _abort(self, context: Any, code: grpc.StatusCode, message: str) -> NoReturn:
        context.abort(code, message)
        raise AssertionError("abort returned")


def kind_of(urn: str, manifest: Mapping[str, Any]) -> tuple[str, str]:
    """Return the apiVersion and kind of a resource, from its manifest, or else from its type token."""
    if manifest.get("apiVersion") and manifest.get("kind"):
        return manifest["apiVersion"], manifest["kind"]
    # urn:pulumi:<stack>::<project>::<parent types>$kubernetes:<group>/<version>:<kind>::<name>
    _, version, kind = urn.split("::")[2].rpartition("$")[2].split(":")
    return version.removeprefix("core/"), kind


def _id(live: Manifest) -> str:
    namespace, name = live["metadata"].get("namespace"), live["metadata"]["name"]
    return f"{namespace}/{name}" if namespace else name


def _outputs(live: Manifest) -> Properties:
    """Return the live object as outputs. The content of a Secret is always secret."""
    if (live.get("apiVersion"), live.get("kind")) != ("v1", "Secret"):
        return live
    return {
        key: changes.secret(value) if key in {"data", "stringData"} else value for key, value in live.items()
    }


def _is_another_cluster(old: Properties, new: Properties) -> bool:
    """Return whether two configurations of the provider name different API servers, as far as a preview can
    know."""
    if UNKNOWN in {new.get("kubeconfig"), new.get("context")}:
        return True
    before, after = _active_cluster(old), _active_cluster(new)
    return bool(before and after and before != after)


def _active_cluster(settings: Properties) -> Any:
    value = settings.get("kubeconfig") or ""
    content = value if isinstance(value, dict) else kubeconfig_content(value)
    if not content:
        return None
    context = settings.get("context") or content.get("current-context")
    named = {row["name"]: row["context"]["cluster"] for row in content.get("contexts") or ()}
    clusters = {row["name"]: row["cluster"] for row in content.get("clusters") or ()}
    return clusters.get(named.get(context))
