"""The gRPC server that the engine connects to."""

from concurrent import futures
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from providers.local.plugin.engine_client import EngineClient
from providers.local.plugin.resource_provider import ResourceProvider

_WORKERS = 128
"""Requests that are served at a time. A Create holds its thread until the server that it starts is ready."""
_MESSAGE_BYTES = 400 * 1024 * 1024
_OPTIONS = [
    ("grpc.max_receive_message_length", _MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MESSAGE_BYTES),
]


def start_grpc_server(engine: EngineClient) -> tuple[Any, int]:
    """Start the resource provider on a free port of 127.0.0.1. Returns the gRPC server and the port."""
    server = grpc.server(futures.ThreadPoolExecutor(_WORKERS), options=_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(ResourceProvider(engine), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port
