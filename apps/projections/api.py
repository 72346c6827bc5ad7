"""Queries over HTTP."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Protocol

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from apps.projections import tokens, view_paths
from apps.projections.conditions import Condition
from apps.projections.errors import KeyFormatError, OverdueError, QueryError, StoreError
from apps.projections.http_server import SendTimeout
from apps.projections.keys import ViewKey
from apps.projections.probes import Probes
from apps.projections.queries import Query, QueryBounds, Views, find_page
from apps.projections.query_limiter import BusyError, QueryLimiter, TooManyQueriesError
from apps.projections.records import Checkpoint
from apps.projections.trusted_hosts import TrustedHosts

_log = logging.getLogger("apps.projections.api")
_LIST = frozenset({"tenant", "prefix", "where", "sort", "limit", "after"})
_ONE = frozenset({"tenant", "id"})
_DEFAULT = 100
_LATER = {"Retry-After": "1"}


class ReadableStore(Views, Protocol):
    def views(self, keys: list[bytes]) -> list[bytes | None]: ...
    def checkpoint(self) -> Checkpoint | None: ...


OpenStore = Callable[[], AbstractContextManager[ReadableStore]]


@dataclass(frozen=True)
class Api:
    """`stores` open the store of a view for one query; they raise StoreError while there is none. A page has
    `results` views at most, a query `conditions`."""

    stores: Mapping[str, OpenStore]
    key: str
    results: int
    conditions: int
    bounds: QueryBounds
    limiter: QueryLimiter

    async def many(self, request: Request, held: AsyncExitStack) -> Response:
        """One page of a tenant's views; with `id`, the one view, whatever signs are in its id. `held` keeps
        the tenant's turn, as for `one`."""
        open_store, tenant = self._admitted(request)
        given = request.query_params
        if "id" in given:
            key = self._key(request, tenant, given["id"])
            return await self._run(tenant, held, lambda: _view(open_store, key))
        query = self._query(request, tenant)
        return await self._run(tenant, held, lambda: self._page(open_store, query))

    async def one(self, request: Request, held: AsyncExitStack) -> Response:
        open_store, tenant = self._admitted(request)
        key = self._key(request, tenant, request.path_params["id"])
        return await self._run(tenant, held, lambda: _view(open_store, key))

    async def _run(self, tenant: str, held: AsyncExitStack, work: Callable[[], Response]) -> Response:
        permit = await held.enter_async_context(self.limiter.permit(tenant))
        return await permit.run(work)

    def _key(self, request: Request, tenant: str, view_id: str) -> bytes:
        _only(request.query_params, _ONE)
        try:
            return ViewKey(tenant, request.path_params["view"], view_id).encode()
        except KeyFormatError as error:
            raise HTTPException(400, str(error)) from None

    def _page(self, open_store: OpenStore, query: Query) -> Response:
        with open_store() as store:
            # Before the views: they hold at least what this says.
            checkpoint = store.checkpoint()
            found = find_page(store, query, self.bounds)
        body = {
            "views": [{"id": name, "view": msgspec.Raw(raw)} for name, raw in found.views],
            "next": found.next,
            "scanned": found.scanned,
            "sequence": 0 if checkpoint is None else checkpoint.sequence,
        }
        return Response(msgspec.json.encode(body), media_type="application/json")

    def _admitted(self, request: Request) -> tuple[OpenStore, str]:
        """The store, for who may read the tenant in question. Who may not learns nothing of what there is."""
        tenant = request.query_params.get("tenant", "")
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not tokens.verify_token(self.key, tenant, given.strip()):
            raise HTTPException(
                401,
                "the bearer token does not open this tenant: make one by `projections token`",
                {"WWW-Authenticate": "Bearer"},
            )
        try:
            return self.stores[request.path_params["view"]], tenant
        except KeyError:
            known = ", ".join(sorted(self.stores))
            raise HTTPException(404, f"no such view here; there are: {known}") from None

    def _query(self, request: Request, tenant: str) -> Query:
        given = request.query_params
        _only(given, _LIST)
        conditions = given.getlist("where")
        if len(conditions) > self.conditions:
            raise HTTPException(400, f"where: {len(conditions)} conditions; {self.conditions} are allowed")
        try:
            limit = int(given.get("limit", min(_DEFAULT, self.results)))
        except ValueError:
            limit = 0
        if not 1 <= limit <= self.results:
            raise HTTPException(400, f"limit: a number from 1 to {self.results}")
        sort = given.get("sort", "")
        return Query(
            view=request.path_params["view"],
            tenant=tenant,
            prefix=given.get("prefix", ""),
            where=tuple(Condition.parse(text) for text in conditions),
            sort=_sort(sort.removeprefix("-")) if sort else None,
            descending=sort.startswith("-"),
            limit=limit,
            after=given.get("after"),
        )


_Endpoint = Callable[[Request, AsyncExitStack], Awaitable[Response]]


class _Answers:
    """An endpoint's answers: a tenant's turn is given back when its answer is sent, or its client is gone."""

    def __init__(self, endpoint: _Endpoint) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        async with AsyncExitStack() as held:
            response = await self._logged(request, held)
            await response(scope, receive, send)

    async def _logged(self, request: Request, held: AsyncExitStack) -> Response:
        started = time.monotonic()
        status = 500
        try:
            response = await _answered(self._endpoint, request, held)
            status = response.status_code
            return response
        finally:
            _record(request, status, time.monotonic() - started)


def create_app(
    api: Api, probes: Probes, names: frozenset[str] = frozenset(), sending: float = 30.0
) -> Starlette:
    """The service, which answers to `names`; its answers must be read within `sending` seconds."""
    return Starlette(
        routes=[
            *probes.routes,
            Route("/v1/views/{view}", _Answers(api.many), methods=["GET"]),
            Route("/v1/views/{view}/{id:path}", _Answers(api.one), methods=["GET"]),
        ],
        middleware=[Middleware(SendTimeout, seconds=sending), Middleware(TrustedHosts, names=names)],
        exception_handlers={HTTPException: lambda _request, error: _problem(error)},
    )


async def _answered(endpoint: _Endpoint, request: Request, held: AsyncExitStack) -> Response:
    """The answer; an error of the query's, or of the store's, is one too."""
    try:
        return await endpoint(request, held)
    except HTTPException as error:
        return _problem(error)
    except QueryError as error:
        return JSONResponse({"error": str(error)}, 400)
    except TooManyQueriesError as error:
        return JSONResponse({"error": str(error)}, 429, _LATER)
    except (BusyError, OverdueError) as error:
        return JSONResponse({"error": str(error)}, 503, _LATER)
    except StoreError as error:
        _log.warning("a query found no store: %s", error)
        return JSONResponse({"error": "the views cannot be read now"}, 503)


def _view(open_store: OpenStore, key: bytes) -> Response:
    with open_store() as store:
        (raw,) = store.views([key])
    if raw is None:
        raise HTTPException(404, "there is no such view")
    return Response(raw, media_type="application/json")


def _sort(text: str) -> view_paths.Path:
    try:
        return view_paths.parse(text)
    except QueryError as error:
        raise QueryError(f"sort: {error}") from None


def _problem(error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


def _only(given: QueryParams, known: frozenset[str]) -> None:
    """One of each, but for conditions."""
    if unknown := sorted(set(given) - known):
        raise HTTPException(400, f"unknown parameter {unknown[0]}; known: {', '.join(sorted(known))}")
    for name in sorted(given):
        if name != "where" and len(given.getlist(name)) > 1:
            raise HTTPException(400, f"{name} is given twice")


def _record(request: Request, status: int, seconds: float) -> None:
    trace = request.headers.get("traceparent", "").split("-")
    context = {
        "method": request.method,
        "path": request.url.path,
        "status": status,
        "seconds": round(seconds, 6),
        "tenant_id": request.query_params.get("tenant", ""),
        "correlation_id": request.headers.get("x-correlation-id"),
        "trace_id": trace[1] if len(trace) >= 4 else None,
    }
    _log.info(
        "query", extra={"context": {name: value for name, value in context.items() if value is not None}}
    )
