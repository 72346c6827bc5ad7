"""Redis, as far as a check goes: a login and a ping, in its own protocol (RESP), for which a client library
would be one more package in the image."""

import socket
import ssl

from apps.provisioner.errors import LoginError, UnreachableError, one_line
from apps.provisioner.given import GivenRedis
from apps.provisioner.waiting import CONNECT_SECONDS, wait_for_server

_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE")
"""How OpenSSL names an answer that is no TLS: until 3.2, and since."""
_NO_TLS_THERE = "that port does not speak TLS: correct the port, or set tls: disabled"
_LONGEST = 1024
"""Characters of an answer: Redis's are one short line."""
_WANTS_A_CERTIFICATE = "TLSV13_ALERT_CERTIFICATE_REQUIRED"


def ping(given: GivenRedis, seconds: float) -> str:
    """Raises LoginError when the login is refused, UnreachableError when it does not answer as Redis, or when
    the TLS that was asked for does not come about."""
    address = f"{given.host}:{given.port}"

    def ask() -> list[str]:
        with socket.create_connection((given.host, given.port), timeout=CONNECT_SECONDS) as plain:
            if not given.tls:
                return _answers(plain, given)
            context = ssl.create_default_context(cafile=given.ca_file)
            with _secured(plain, context, given) as secure:
                return _answers(secure, given)

    def transient(error: BaseException) -> bool:
        return isinstance(error, OSError) and not isinstance(error, ssl.SSLError)

    try:
        answers = wait_for_server("Redis", address, ask, transient, seconds)
    except ssl.SSLError as error:
        raise UnreachableError(f"Redis at {address}: {one_line(error)}: {_remedy(error)}") from error
    for answer in answers:
        if answer.startswith("-"):
            raise LoginError(
                f"Redis at {address}, user {given.user!r}: {answer[1:]}: correct the user or the password"
            )
    if answers != ["+OK", "+PONG"]:
        raise UnreachableError(f"{address} does not answer as Redis does: correct the host, the port or tls")
    return f"logged in as {given.user}"


def _secured(plain: socket.socket, context: ssl.SSLContext, given: GivenRedis) -> ssl.SSLSocket:
    try:
        return context.wrap_socket(plain, server_hostname=given.host)
    except TimeoutError as error:
        # Redis without TLS waits for the end of a line, which a handshake does not have.
        raise UnreachableError(
            f"Redis at {given.host}:{given.port}: no answer to a TLS handshake: {_NO_TLS_THERE}"
        ) from error


def _remedy(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "correct ca, which must be its issuer's, or host, which must be a name in the certificate"
    if error.reason in _NO_TLS:
        return _NO_TLS_THERE
    if error.reason == _WANTS_A_CERTIFICATE:
        return "it asks clients for certificates, and none can be given here: set its tls-auth-clients to no"
    return "correct tls or ca; if it asks clients for certificates, set its tls-auth-clients to no"


def _answers(connection: socket.socket, given: GivenRedis) -> list[str]:
    """To AUTH and PING; one alone when it was refused, none when the connection was closed at once."""
    login = _command("AUTH", given.user, given.password.get_secret_value())
    try:
        connection.sendall(login + _command("PING"))
        with connection.makefile("r", encoding="utf-8", errors="replace") as lines:
            first = lines.readline(_LONGEST).rstrip("\r\n")
            return [first] if first.startswith("-") else [first, lines.readline(_LONGEST).rstrip("\r\n")]
    except (ConnectionResetError, BrokenPipeError):
        return []


def _command(*words: str) -> bytes:
    parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
    return f"*{len(words)}\r\n{''.join(parts)}".encode()
