"""Refuses requests for other hosts, so that a web page whose name was made to lead here reads nothing."""

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_DOMAIN = "cluster.local"
"""The domain of a Kubernetes cluster, unless its administrator chose another."""


class TrustedHosts:
    """Middleware that refuses requests for a host that is not trusted, and requests of pages of another
    origin.

    Trusted are `names`, localhost, and any address: no name leads a browser to an address, and probes and
    load balancers use those of pods and nodes. A name counts in every form in which Kubernetes resolves it,
    too: `worker.lab.svc` as `worker`, `worker.lab` and `worker.lab.svc.cluster.local`.
    """

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self._app = app
        self._names = {"localhost"}
        for name in names:
            labels = name.lower().split(".")
            self._names.add(name.lower())
            if labels[-1] == "svc":
                self._names |= {".".join(labels[:count]) for count in range(1, len(labels))}
                self._names.add(f"{name.lower()}.{_DOMAIN}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (refusal := self._refusal(Headers(scope=scope))):
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, headers: Headers) -> JSONResponse | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_own(hosts[0]):
            shown = ", ".join(hosts)[:200] or "no host"
            return _refused(
                421, f"{shown!r} is not a name of this service: add it to listen.names, or use one of those"
            )
        if any(
            origin.partition("://")[2].lower() != hosts[0].lower() for origin in headers.getlist("origin")
        ):
            return _refused(
                403,
                "the request comes from a page of another origin: this service answers its own origin only",
            )
        return None

    def _is_own(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name.removesuffix(".") in self._names or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _refused(status: int, why: str) -> JSONResponse:
    return JSONResponse({"error": why}, status)
