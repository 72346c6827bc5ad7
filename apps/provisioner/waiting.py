"""Bounded waits: for a server to answer, for a change to be seen."""

import logging
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_exponential

from apps.provisioner.errors import ProvisionError, UnreachableError, one_line

_log = logging.getLogger(__name__)
T = TypeVar("T")

CONNECT_SECONDS = 5
"""How long one attempt to connect may take."""
_REPORT_SECONDS = 10
_SETTLE_SECONDS = 30


def wait_for_server(
    what: str,
    address: str,
    connect: Callable[[], T],
    transient: Callable[[BaseException], bool],
    seconds: float,
) -> T:
    """What `connect` returns once it succeeds; failures that are `transient` are tried again.

    Raises UnreachableError after `seconds`, and whatever else `connect` raises at once.
    """
    reported = 0.0

    def report(state: RetryCallState) -> None:
        nonlocal reported
        waited = state.seconds_since_start or 0.0
        if state.attempt_number == 1 or waited - reported >= _REPORT_SECONDS:
            reported = waited
            _log.info("waiting for %s at %s (%.0f of at most %g s)", what, address, waited, seconds)

    def give_up(state: RetryCallState) -> T:
        error = state.outcome.exception() if state.outcome else None
        if error is not None and not transient(error):
            raise error
        reason = f" ({one_line(error)})" if error else ""
        raise UnreachableError(
            f"{what} at {address} did not answer within {seconds:g} s{reason}: "
            f"check that it runs, that it listens there, and its log"
        ) from error

    retrying = Retrying(
        stop=stop_after_delay(seconds),
        wait=wait_exponential(multiplier=0.2, max=2),
        retry=retry_if_exception(transient),
        before_sleep=report,
        retry_error_callback=give_up,
    )
    return retrying(connect)


def wait_until_seen(change: str, seen: Callable[[], bool]) -> None:
    """Wait until `seen`, for servers that acknowledge a change before their answers show it."""

    def check() -> None:
        if not seen():
            raise ProvisionError(
                f"{change}, but the server does not show it after {_SETTLE_SECONDS} s: "
                "look at its log, then run again"
            )

    Retrying(
        stop=stop_after_delay(_SETTLE_SECONDS),
        wait=wait_exponential(multiplier=0.05, max=1),
        retry=retry_if_exception(lambda error: isinstance(error, ProvisionError)),
        reraise=True,
    )(check)
