"""Runs a resource provider as the engine runs a plugin: a process that prints its port and ends with the
engine."""

import os
import signal
import threading
import time
from concurrent import futures
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

_WORKERS = 128
"""Requests at a time: a Create may hold its thread until an object is ready."""
_MESSAGE_BYTES = 400 * 1024 * 1024
_OPTIONS = [
    ("grpc.max_receive_message_length", _MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MESSAGE_BYTES),
]


def serve(provider: Any) -> None:
    """Serves `provider`, a `ResourceProviderServicer`, to the engine that started this process, until it
    ends."""
    parent = os.getppid()
    server = grpc.server(futures.ThreadPoolExecutor(_WORKERS), options=_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()

    def follow_the_engine() -> None:
        # An engine that is killed cannot say so: its pid stops being our parent's.
        while os.getppid() == parent:
            time.sleep(0.2)
        os._exit(0)

    # How the engine ends its plugins. On the user's Ctrl-C it calls Cancel first.
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    threading.Thread(target=follow_the_engine, daemon=True).start()
    print(port, flush=True)
    server.wait_for_termination()
