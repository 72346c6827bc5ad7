"""Stands in for a cloud's load balancer controller.

It gives each Service of that type an address of the node's bridge, which kube-proxy forwards. It has none of
a cloud's health checks and source ranges.
"""

import ipaddress
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from kubernetes import client, config, watch

from tests.testbed.network import LOAD_BALANCERS

_SECONDS = 2


class LoadBalancers:
    """Assigns addresses while the context is entered."""

    def __init__(self, kubeconfig: Path) -> None:
        self._api = config.new_client_from_config(str(kubeconfig))
        self._core: Any = client.CoreV1Api(self._api)
        self._free = ipaddress.ip_network(LOAD_BALANCERS).hosts()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="load-balancers")

    def __enter__(self) -> "LoadBalancers":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._api.close()

    def _serve(self) -> None:
        while not self._ended.is_set():
            services = watch.Watch()
            for event in services.stream(
                self._core.list_service_for_all_namespaces, timeout_seconds=_SECONDS
            ):
                service = event["object"]
                if event["type"] != "DELETED" and service.spec.type == "LoadBalancer":
                    self._assign(service)

    def _assign(self, service: Any) -> None:
        if service.status.load_balancer.ingress:
            return
        status = {"status": {"loadBalancer": {"ingress": [{"ip": str(next(self._free))}]}}}
        self._core.patch_namespaced_service_status(service.metadata.name, service.metadata.namespace, status)
