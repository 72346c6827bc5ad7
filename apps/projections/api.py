"""Queries over HTTP: who may ask, what a request asks, and what is answered."""

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
    """The part of a store that the API reads."""

    def views(self, keys: list[bytes]) -> list[bytes | None]:
        """Returns the views of `keys`, as Store.views does."""
        ...

    def checkpoint(self) -> Checkpoint | None:
        """Returns the checkpoint, as Store.checkpoint does."""
        ...


OpenStore = Callable[[], AbstractContextManager[ReadableStore]]
"""Opens the store of a view for one query. Raises StoreError if there is none."""


@dataclass(frozen=True)
class Api:
    """The endpoints of the queries.

    `stores` open the store of each view, `key` makes the tenants' tokens, `results` is the largest number of
    views of a page and `conditions` that of a query's conditions. `bounds` and `limiter` bound what queries
    cost.
    """

    stores: Mapping[str, OpenStore]
    key: str
    results: int
    conditions: int
    bounds: QueryBounds
    limiter: QueryLimiter

    async def list_views(self, request: Request, until_sent: AsyncExitStack) -> Response:
        """Answers with a page of a tenant's views, or, if the request has the parameter `id`, with that view.

        The permit of the query is kept in `until_sent`, which is to be closed once the answer is sent.
        """
        open_store, tenant = self._admitted(request)
        parameters = request.query_params
        if "id" in parameters:
            key = self._key(request, tenant, parameters["id"])
            return await self._run(tenant, until_sent, lambda: _view(open_store, key))
        query = self._query(request, tenant)
        return await self._run(tenant, until_sent, lambda: self._page(open_store, query))

    async def get_view(self, request: Request, until_sent: AsyncExitStack) -> Response:
        """Answers with the view whose id is in the path. `until_sent` is as for `list_views`."""
        open_store, tenant = self._admitted(request)
        key = self._key(request, tenant, request.path_params["id"])
        return await self._run(tenant, until_sent, lambda: _view(open_store, key))

    async def _run(self, tenant: str, until_sent: AsyncExitStack, work: Callable[[], Response]) -> Response:
        permit = await until_sent.enter_async_context(self.limiter.permit(tenant))
        return await permit.run(work)

    def _key(self, request: Request, tenant: str, view_id: str) -> bytes:
        _check_parameters(request.query_params, _ONE)
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
        """The store of the view and the tenant that the request names.

        Raises HTTPException 401 if its token does not open the tenant, whether or not there is such a view.
        """
        tenant = request.query_params.get("tenant", "")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not tokens.verify_token(self.key, tenant, token.strip()):
            raise HTTPException(
                401,
                "the bearer token does not open this tenant: make one with `projections token`",
                {"WWW-Authenticate": "Bearer"},
            )
        try:
            return self.stores[request.path_params["view"]], tenant
        except KeyError:
            known = ", ".join(sorted(self.stores))
            raise HTTPException(404, f"there is no such view here; there are: {known}") from None

    def _query(self, request: Request, tenant: str) -> Query:
        parameters = request.query_params
        _check_parameters(parameters, _LIST)
        conditions = parameters.getlist("where")
        if len(conditions) > self.conditions:
            raise HTTPException(
                400, f"where: the query has {len(conditions)} conditions; {self.conditions} are allowed"
            )
        try:
            limit = int(parameters.get("limit", min(_DEFAULT, self.results)))
        except ValueError:
            limit = 0
        if not 1 <= limit <= self.results:
            raise HTTPException(400, f"limit must be a number from 1 to {self.results}")
        sort = parameters.get("sort", "")
        return Query(
            view=request.path_params["view"],
            tenant=tenant,
            prefix=parameters.get("prefix", ""),
            where=tuple(Condition.parse(text) for text in conditions),
            sort=_sort(sort.removeprefix("-")) if sort else None,
            descending=sort.startswith("-"),
            limit=limit,
            after=parameters.get("after"),
        )


_Endpoint = Callable[[Request, AsyncExitStack], Awaitable[Response]]


class _Answers:
    """An endpoint whose permit is given back when its answer is sent, or its client is gone."""

    def __init__(self, endpoint: _Endpoint) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        async with AsyncExitStack() as until_sent:
            response = await self._logged(request, until_sent)
            await response(scope, receive, send)

    async def _logged(self, request: Request, until_sent: AsyncExitStack) -> Response:
        started = time.monotonic()
        status = 500
        try:
            response = await _answered(self._endpoint, request, until_sent)
            status = response.status_code
            return response
        finally:
            _record(request, status, time.monotonic() - started)


def create_app(
    api: Api, probes: Probes, names: frozenset[str] = frozenset(), sending: float = 30.0
) -> Starlette:
    """Returns the application of a service that is called by `names`.

    A client must read its answer within `sending` seconds.
    """
    return Starlette(
        routes=[
            *probes.routes,
            Route("/v1/views/{view}", _Answers(api.list_views), methods=["GET"]),
            Route("/v1/views/{view}/{id:path}", _Answers(api.get_view), methods=["GET"]),
        ],
        middleware=[Middleware(SendTimeout, seconds=sending), Middleware(TrustedHosts, names=names)],
        exception_handlers={HTTPException: lambda _request, error: _problem(error)},
    )


async def _answered(endpoint: _Endpoint, request: Request, until_sent: AsyncExitStack) -> Response:
    """The answer of `endpoint`. An error of the query or of the store becomes an answer, too."""
    try:
        return await endpoint(request, until_sent)
    except HTTPException as error:
        return _problem(error)
    except QueryError as error:
        return JSONResponse({"error": str(error)}, 400)
    except TooManyQueriesError as error:
        return JSONResponse({"error": str(error)}, 429, _LATER)
    except (BusyError, OverdueError) as error:
        return JSONResponse({"error": str(error)}, 503, _LATER)
    except StoreError as error:
        _log.warning("a query could not read its store: %s", error)
        return JSONResponse({"error": "the views cannot be read now: ask again later"}, 503)


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


def _check_parameters(parameters: QueryParams, known: frozenset[str]) -> None:
    """Raises HTTPException for a parameter that is not in `known`, or repeated; conditions may be
    repeated."""
    if unknown := sorted(set(parameters) - known):
        raise HTTPException(400, f"there is no parameter {unknown[0]}; there are: {', '.join(sorted(known))}")
    for name in sorted(parameters):
        if name != "where" and len(parameters.getlist(name)) > 1:
            raise HTTPException(400, f"{name} is repeated: send it once")


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
