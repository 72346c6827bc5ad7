"""The gRPC server that the engine connects to."""

from concurrent import futures
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from providers.local.plugin.engine import Engine
from providers.local.plugin.servicer import Provider

_WORKERS = 128
"""Requests at a time: a Create holds its thread until the server is ready."""
_MESSAGE_BYTES = 400 * 1024 * 1024
_OPTIONS = [
    ("grpc.max_receive_message_length", _MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MESSAGE_BYTES),
]


def serve(engine: Engine) -> tuple[Any, int]:
    """Start the service on a free port of 127.0.0.1; returns the gRPC server and the port."""
    server = grpc.server(futures.ThreadPoolExecutor(_WORKERS), options=_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(engine), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port
