"""The stand-in for `pulumi-resource-random`. It has RandomPassword, the only resource of it that is used."""

import importlib.metadata
import secrets
import string
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from providers.local.plugin.properties import Properties, differences, from_struct, to_struct

TOKEN = "random:index/randomPassword:RandomPassword"
_SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
_DEFAULTS: Properties = {
    "lower": True,
    "upper": True,
    "numeric": True,
    "special": True,
    "minLower": 0,
    "minUpper": 0,
    "minNumeric": 0,
    "minSpecial": 0,
}


def password(inputs: Properties) -> str:
    """Return a random password of `length` characters from the classes that `inputs` allow, with at least
    `min<Class>` characters of each."""
    options = {**_DEFAULTS, **{key: value for key, value in inputs.items() if value is not None}}
    alphabets = {
        "Lower": string.ascii_lowercase,
        "Upper": string.ascii_uppercase,
        "Numeric": string.digits,
        "Special": options.get("overrideSpecial") or _SPECIAL,
    }
    everything = "".join(letters for name, letters in alphabets.items() if options[name.lower()])
    characters = [
        secrets.choice(letters) for name, letters in alphabets.items() for _ in range(options[f"min{name}"])
    ]
    characters += [secrets.choice(everything) for _ in range(options["length"] - len(characters))]
    secrets.SystemRandom().shuffle(characters)
    return "".join(characters)


class RandomProvider(provider_pb2_grpc.ResourceProviderServicer):
    """The gRPC service of `random`. As in the real one, a change of any input makes a new password."""

    def Handshake(self, request: Any, context: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=importlib.metadata.version("pulumi_random"))

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:
        failures = []
        if f"::{TOKEN}::" not in request.urn and f"${TOKEN}::" not in request.urn:
            failures.append(provider_pb2.CheckFailure(reason=f"the stand-in knows {TOKEN} only"))
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def Diff(self, request: Any, context: Any) -> Any:
        old, new = from_struct(request.old_inputs), from_struct(request.news)
        changed = differences(old, new, ignore=request.ignoreChanges)
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=list(changed),
            replaces=list(changed),
        )

    def Create(self, request: Any, context: Any) -> Any:
        inputs = from_struct(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(id="", properties=request.properties)
        outputs = {**_DEFAULTS, **inputs, "id": "none", "result": password(inputs)}
        return provider_pb2.CreateResponse(id="none", properties=to_struct(outputs))

    def Read(self, request: Any, context: Any) -> Any:
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Update(self, request: Any, context: Any) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "every change of a RandomPassword replaces it")

    def Delete(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()
