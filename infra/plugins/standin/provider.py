"""The stand-in for the plugins of AWS, GCP, Docker and Kubernetes in previews that contact none of them.

It returns the program's inputs, so that the real engine runs the program, its graph and its policies. It
cannot know whether a cloud would accept them. Outputs that the providers compute are unknown, as in their own
previews, except for names that they choose at once.
"""

import hashlib
import importlib.metadata
import json
from collections.abc import Callable
from typing import Any, NoReturn

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from providers.local.plugin.properties import UNKNOWN, Properties, differences, from_struct, to_struct

Answer = Callable[[Properties], Properties]
ANSWERS: dict[str, Answer] = {
    "gcp:organizations/getProject:getProject": lambda asked: {
        "id": f"projects/{asked.get('projectId', 'preview')}",
        "number": "123456789012",
        "projectId": asked.get("projectId", "preview"),
    },
    "gcp:storage/getProjectServiceAccount:getProjectServiceAccount": lambda asked: {
        "emailAddress": "service-123456789012@gs-project-accounts.iam.gserviceaccount.com",
        "id": "service-123456789012@gs-project-accounts.iam.gserviceaccount.com",
        "member": "serviceAccount:service-123456789012@gs-project-accounts.iam.gserviceaccount.com",
        "project": asked.get("project", "preview"),
    },
}
"""The results of the functions that programs call, with the providers' documented outputs."""


class StandIn(provider_pb2_grpc.ResourceProviderServicer):
    """The gRPC service of the stand-in for `package`."""

    def __init__(self, package: str) -> None:
        self._package = package

    def Handshake(self, request: Any, context: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=importlib.metadata.version(f"pulumi_{self._package}"))

    def GetSchema(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetSchemaResponse(schema=json.dumps({"name": self._package}))

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:
        inputs = from_struct(request.news)
        if self._package == "kubernetes":
            _name_object(inputs, request)
        return provider_pb2.CheckResponse(inputs=to_struct(inputs))

    def Diff(self, request: Any, context: Any) -> Any:
        changed = list(differences(from_struct(request.old_inputs), from_struct(request.news)))
        response = provider_pb2.DiffResponse
        return response(changes=response.DIFF_SOME if changed else response.DIFF_NONE, diffs=changed)

    def Create(self, request: Any, context: Any) -> Any:
        if not request.preview:
            self._refuse(context, "Create")
        return provider_pb2.CreateResponse(id="", properties=self._outputs(request.properties))

    def Update(self, request: Any, context: Any) -> Any:
        if not request.preview:
            self._refuse(context, "Update")
        return provider_pb2.UpdateResponse(properties=self._outputs(request.news))

    def Read(self, request: Any, context: Any) -> Any:
        self._refuse(context, "Read")

    def Invoke(self, request: Any, context: Any) -> Any:
        answer = ANSWERS.get(request.tok)
        if answer is None:
            self._refuse(context, request.tok)
        asked = from_struct(request.args)
        return provider_pb2.InvokeResponse(**{"return": to_struct({**asked, **answer(asked)})})

    def Delete(self, request: Any, context: Any) -> Any:
        self._refuse(context, "Delete")

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def _outputs(self, inputs: Any) -> Any:
        """Returns `inputs` as outputs. The engine takes outputs that are absent as unknown; in an object's
        metadata, which is present, what the server adds is marked as unknown."""
        outputs = from_struct(inputs)
        if isinstance(metadata := outputs.get("metadata"), dict):
            metadata.update(dict.fromkeys(("uid", "resourceVersion", "creationTimestamp"), UNKNOWN))
        return to_struct(outputs)

    def _refuse(self, context: Any, what: str) -> NoReturn:
        message = (
            f"The stand-in for the provider plugin {self._package} serves previews only and cannot do "
            f"{what}. Install the plugin: docs/plugins.md."
        )
        context.abort(grpc.StatusCode.UNIMPLEMENTED, message)
        raise AssertionError("abort returned")


def _name_object(inputs: Properties, request: Any) -> None:
    """Gives a Kubernetes object without a name one that follows from its URN. It is the same in every
    preview, so that two previews can be compared."""
    metadata = inputs.setdefault("metadata", {})
    if isinstance(metadata, dict) and not metadata.get("name"):
        end = hashlib.sha256(request.urn.encode()).hexdigest()[:8]
        metadata["name"] = f"{request.urn.rpartition('::')[2]}-{end}"
