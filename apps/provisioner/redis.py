"""Redis: logs in to a server that somebody else runs, and changes nothing there."""

import socket
import ssl
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, BusyLoadingError, ResponseError
from redis.retry import Retry

from apps.provisioner.errors import LoginError, UnreachableError, one_line
from apps.provisioner.given import GivenRedis
from apps.provisioner.waiting import CONNECT_SECONDS, wait_for_server

_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE")
"""How OpenSSL names an answer that is no TLS: until 3.2, and since."""
_NO_TLS_THERE = "that port does not speak TLS: correct the port, or set tls: disabled"
_WANTS_A_CERTIFICATE = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
_SHOWN = 200
"""Characters of an answer that an error shows."""


class _NoHandshakeError(ssl.SSLError):
    """The server answers no TLS handshake. Redis without TLS waits for the end of a line, which a handshake
    does not have."""


class _TlsConnection(redis.SSLConnection):
    """Trusts the authorities of `ssl_ca_certs` alone, where it is given; the library trusts the public
    authorities as well."""

    def _wrap_socket_with_ssl(self, sock: socket.socket) -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=self.ca_certs)
        try:
            return context.wrap_socket(sock, server_hostname=self.host)
        except TimeoutError as error:
            raise _NoHandshakeError("no answer to a TLS handshake") from error


def ping(server: GivenRedis, seconds: float) -> str:
    """Logs in to `server` and sends a PING; waits up to `seconds` for it to answer. Returns what it did, for
    the log.

    Raises LoginError when Redis refuses the login or the PING, and UnreachableError when the server does not
    answer, answers as something else than Redis, or fails the TLS that was asked for.
    """
    address = f"{server.host}:{server.port}"
    tls: dict[str, Any] = (
        {"connection_class": _TlsConnection, "ssl_ca_certs": server.ca_file} if server.tls else {}
    )
    pool = redis.ConnectionPool(
        host=server.host,
        port=server.port,
        username=server.user,
        password=server.password.get_secret_value(),
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=CONNECT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        **tls,
    )
    with redis.Redis.from_pool(pool) as client:
        try:
            wait_for_server("Redis", address, client.ping, _is_transient, seconds)
        except (AuthenticationError, ResponseError) as error:
            raise LoginError(
                f"Redis at {address}, user {server.user!r}: {one_line(error)}: correct the user or the "
                "password"
            ) from error
        except redis.RedisError as error:
            cause = error.__context__
            if isinstance(cause, ssl.SSLError):
                raise UnreachableError(f"Redis at {address}: {one_line(cause)}: {_remedy(cause)}") from error
            raise UnreachableError(
                f"{address} does not answer as Redis does ({one_line(error)[:_SHOWN]}): correct the host, "
                "the port or tls"
            ) from error
    return f"logged in as {server.user}"


def _is_transient(error: BaseException) -> bool:
    """True if a later attempt may succeed: nothing listens yet, or Redis still loads its data."""
    cause = error.__context__
    answered = isinstance(cause, ssl.SSLError | ConnectionResetError | BrokenPipeError)
    return isinstance(error, BusyLoadingError) or (
        isinstance(error, redis.ConnectionError | redis.TimeoutError)
        and isinstance(cause, OSError)
        and not answered
    )


def _remedy(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "correct ca, which must be its issuer's, or host, which must be a name in the certificate"
    if isinstance(error, _NoHandshakeError) or error.reason in _NO_TLS:
        return _NO_TLS_THERE
    if error.reason == _WANTS_A_CERTIFICATE:
        return "it asks clients for certificates, and none can be given here: set its tls-auth-clients to no"
    return "correct tls or ca; if it asks clients for certificates, set its tls-auth-clients to no"
