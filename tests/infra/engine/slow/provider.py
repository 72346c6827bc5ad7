"""A resource provider whose Create lasts until the file named by input `until` exists.

It lets a test interrupt the engine inside a Create. The resource's only other trace is the file
`<until>.started`, written when Create begins. Once `<until>.gone` exists, so does the resource no more;
while `<until>.kept` does, it cannot be deleted.
"""

import contextlib
import os
import threading
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

_POLL_SECONDS = 0.05


class Slow(provider_pb2_grpc.ResourceProviderServicer):
    def __init__(self) -> None:
        self._cancelled = threading.Event()

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.ProviderHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo(version="0.0.1")

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        if not request.preview:
            until = Path(request.properties["until"])
            until.with_suffix(".started").touch()
            while not until.exists():
                if self._cancelled.wait(_POLL_SECONDS):
                    context.abort(grpc.StatusCode.CANCELLED, "cancelled")
        return provider_pb2.CreateResponse(id="slow", properties=request.properties)

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        if Path(request.properties["until"]).with_suffix(".gone").exists():
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        if Path(request.properties["until"]).with_suffix(".kept").exists():
            context.abort(grpc.StatusCode.UNKNOWN, "it does not go")
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._cancelled.set()
        return empty_pb2.Empty()


if __name__ == "__main__":
    server = grpc.server(futures.ThreadPoolExecutor(4))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Slow(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    parent = os.getppid()
    with contextlib.suppress(KeyboardInterrupt):
        while server.wait_for_termination(_POLL_SECONDS) and os.getppid() == parent:
            pass
    os._exit(0)  # a Create may still wait
