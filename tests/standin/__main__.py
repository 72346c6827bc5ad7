"""The process of one stand-in plugin: `python -m tests.standin <kubernetes|random|offline-PACKAGE> <engine
address>`."""

import os
import signal
import sys
import threading
import time
from concurrent import futures
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from providers.local.plugin.engine_client import EngineClient

OFFLINE = "offline-"
_WORKERS = 128
"""Requests at a time: a Create holds its thread until the object is ready."""
_MESSAGE_BYTES = 400 * 1024 * 1024
_OPTIONS = [
    ("grpc.max_receive_message_length", _MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MESSAGE_BYTES),
]


def _provider(package: str, engine: EngineClient) -> Any:
    if package == "kubernetes":
        from tests.standin.kubernetes_provider import KubernetesProvider

        return KubernetesProvider(engine)
    if package.startswith(OFFLINE):
        from tests.standin.offline_provider import OfflineProvider

        return OfflineProvider(package.removeprefix(OFFLINE))
    from tests.standin.random_provider import RandomProvider

    return RandomProvider()


def main(package: str) -> None:
    parent, engine = os.getppid(), EngineClient()
    server = grpc.server(futures.ThreadPoolExecutor(_WORKERS), options=_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(_provider(package, engine), server)
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


if __name__ == "__main__":
    main(sys.argv[1])
