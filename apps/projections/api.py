"""The service over HTTP: queries, probes and metrics."""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from apps.projections import tokens
from apps.projections.errors import KeyFormatError, StoreError
from apps.projections.keys import ViewKey
from apps.projections.metrics import CONTENT_TYPE
from apps.projections.queries import Bounds, Condition, Query, QueryError, Views, page
from apps.projections.records import Checkpoint

_log = logging.getLogger("apps.projections.api")
_LIST = frozenset({"tenant", "prefix", "where", "sort", "limit", "after"})
_DEFAULT = 100


class ReadableStore(Views, Protocol):
    def views(self, keys: list[bytes]) -> list[bytes | None]: ...
    def checkpoint(self) -> Checkpoint | None: ...


class State(Protocol):
    """What the probes ask for: what is wrong, nothing when all is well."""

    def dead(self) -> str: ...
    def unhealthy(self) -> str: ...
    def unready(self) -> str: ...


@dataclass(frozen=True)
class Api:
    """`stores` open the store of a view for one query; they raise StoreError while there is none."""

    stores: Mapping[str, Callable[[], AbstractContextManager[ReadableStore]]]
    key: str
    results: int
    bounds: Bounds
    state: State
    metrics: Callable[[], bytes]

    def many(self, request: Request) -> Response:
        """One page of a tenant's views."""
        open_store, tenant = self._admitted(request)
        query = self._query(request, tenant)
        with open_store() as store:
            # Before the views: they hold at least what this says.
            checkpoint = store.checkpoint()
            found = page(store, query, self.bounds)
        body = {
            "views": [{"id": name, "view": msgspec.Raw(raw)} for name, raw in found.views],
            "next": found.next,
            "scanned": found.scanned,
            "sequence": 0 if checkpoint is None else checkpoint.sequence,
        }
        return Response(msgspec.json.encode(body), media_type="application/json")

    def one(self, request: Request) -> Response:
        open_store, tenant = self._admitted(request)
        _only(request.query_params, frozenset({"tenant"}))
        try:
            key = ViewKey(tenant, request.path_params["view"], request.path_params["id"]).encode()
        except KeyFormatError as error:
            raise HTTPException(400, str(error)) from None
        with open_store() as store:
            (raw,) = store.views([key])
        if raw is None:
            raise HTTPException(404, "there is no such view")
        return Response(raw, media_type="application/json")

    def health(self, _request: Request) -> Response:
        return _probe(self.state.unhealthy())

    def live(self, _request: Request) -> Response:
        return _probe(self.state.dead())

    def ready(self, _request: Request) -> Response:
        return _probe(self.state.unready())

    def scrape(self, _request: Request) -> Response:
        return Response(self.metrics(), media_type=CONTENT_TYPE)

    def _admitted(self, request: Request) -> tuple[Callable[[], AbstractContextManager[ReadableStore]], str]:
        """The store, for who may read the tenant in question. Who may not learns nothing of what there is."""
        tenant = request.query_params.get("tenant", "")
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not tokens.opens(self.key, tenant, given.strip()):
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
        try:
            limit = int(given.get("limit", min(_DEFAULT, self.results)))
        except ValueError:
            limit = 0
        if not 1 <= limit <= self.results:
            raise HTTPException(400, f"limit: a number from 1 to {self.results}")
        sort = given.get("sort") or None
        return Query(
            view=request.path_params["view"],
            tenant=tenant,
            prefix=given.get("prefix", ""),
            where=tuple(Condition.parse(text) for text in given.getlist("where")),
            sort=sort.removeprefix("-") if sort else None,
            descending=bool(sort and sort.startswith("-")),
            limit=limit,
            after=given.get("after"),
        )


def create_app(api: Api) -> Starlette:
    def logged(endpoint: Callable[[Request], Response]) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            started = time.monotonic()
            status = 500
            try:
                response = endpoint(request)
                status = response.status_code
                return response
            except HTTPException as error:
                status = error.status_code
                return _problem(error)
            except QueryError as error:
                status = 400
                return JSONResponse({"error": str(error)}, status)
            except StoreError as error:
                status = 503
                _log.warning("a query found no store: %s", error)
                return JSONResponse({"error": "the views cannot be read now"}, status)
            finally:
                _record(request, status, time.monotonic() - started)

        return answer

    return Starlette(
        routes=[
            Route("/health", api.health),
            Route("/live", api.live),
            Route("/ready", api.ready),
            Route("/metrics", api.scrape),
            Route("/v1/views/{view}", logged(api.many)),
            Route("/v1/views/{view}/{id:path}", logged(api.one)),
        ],
        exception_handlers={HTTPException: lambda _request, error: _problem(error)},
    )


def _problem(error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


def _probe(wrong: str) -> Response:
    return JSONResponse({"status": wrong or "ok"}, 503 if wrong else 200)


def _only(given: QueryParams, known: frozenset[str]) -> None:
    if unknown := sorted(set(given) - known):
        raise HTTPException(400, f"unknown parameter {unknown[0]}; known: {', '.join(sorted(known))}")


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
