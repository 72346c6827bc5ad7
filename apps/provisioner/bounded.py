"""Bounds on what a server that somebody else runs may answer: its size, and the time that it may take."""

import io
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import urllib3

from apps.provisioner.errors import ProvisionError

T = TypeVar("T")

MOST_BYTES = 4 * 2**20
"""A discovery document has some KiB, a page of a bucket's list less than one MiB."""
_CHUNK = 2**16


class EndlessError(ProvisionError):
    """A server answers without an end."""


def within(seconds: float, what: str, call: Callable[[], T]) -> T:
    """What `call` returns, or raises. Raises EndlessError after `seconds`.

    The timeouts of clients are for one read each: a server that sends a byte now and then passes them all.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001  it is raised where the outcome is asked for
            outcome.set_exception(error)

    # A daemon: what is still waiting for the server ends with the program.
    threading.Thread(target=run, daemon=True).start()
    try:
        return outcome.result(seconds)
    except TimeoutError:
        if outcome.done():
            raise
        raise EndlessError(f"{what} gave no whole answer within {seconds:g} s: look at that server") from None


def body_of(response: urllib3.BaseHTTPResponse, what: str) -> bytes:
    """The body as it was sent. Raises EndlessError past MOST_BYTES."""
    found = io.BytesIO()
    for chunk in response.stream(_CHUNK, decode_content=False):
        if found.tell() + len(chunk) > MOST_BYTES:
            response.close()
            raise EndlessError(
                f"{what} answered with more than {MOST_BYTES // 2**20} MiB: look at that server"
            )
        found.write(chunk)
    return found.getvalue()


class BoundedPool(urllib3.PoolManager):
    """For clients that read a whole answer into memory."""

    def urlopen(  # type: ignore[override]  # the options of its own are passed on
        self, method: str, url: str, redirect: bool = True, **options: Any
    ) -> urllib3.BaseHTTPResponse:
        whole = options.pop("preload_content", True)
        response = super().urlopen(method, url, redirect, preload_content=False, **options)
        if not whole:
            return response
        body = body_of(response, f"{urllib3.util.parse_url(url).netloc}")
        response.release_conn()
        return urllib3.HTTPResponse(
            body=io.BytesIO(body),
            headers=response.headers,
            status=response.status,
            reason=response.reason,
            decode_content=False,
            request_method=method,
        )
