"""Redis, as far as a check goes: a login and a ping, in its own protocol (RESP), for which a client library
would be one more package in the image."""

import socket
import ssl

from apps.provisioner.errors import LoginError, UnreachableError, one_line
from apps.provisioner.given import GivenRedis
from apps.provisioner.waiting import CONNECT_SECONDS, wait_for_server


def ping(given: GivenRedis, seconds: float) -> str:
    """Raises LoginError when the login is refused, UnreachableError when it does not answer as Redis."""
    address = f"{given.host}:{given.port}"

    def ask() -> list[str]:
        with socket.create_connection((given.host, given.port), timeout=CONNECT_SECONDS) as plain:
            if not given.tls:
                return _answers(plain, given)
            context = ssl.create_default_context(cafile=given.ca_file)
            with context.wrap_socket(plain, server_hostname=given.host) as secure:
                return _answers(secure, given)

    def transient(error: BaseException) -> bool:
        return isinstance(error, OSError) and not isinstance(error, ssl.SSLError)

    try:
        answers = wait_for_server("Redis", address, ask, transient, seconds)
    except ssl.SSLError as error:
        raise UnreachableError(f"Redis at {address}: {one_line(error)}: correct tls or ca") from error
    for answer in answers:
        if answer.startswith("-"):
            raise LoginError(
                f"Redis at {address}, user {given.user!r}: {answer[1:]}: correct the user or the password"
            )
    if answers != ["+OK", "+PONG"]:
        raise UnreachableError(f"{address} does not answer as Redis does: correct the host, the port or tls")
    return f"logged in as {given.user}"


def _answers(connection: socket.socket, given: GivenRedis) -> list[str]:
    """To AUTH and PING; one alone when it was refused."""
    connection.sendall(_command("AUTH", given.user, given.password.get_secret_value()) + _command("PING"))
    with connection.makefile("r", encoding="utf-8", errors="replace") as lines:
        first = lines.readline().rstrip("\r\n")
        return [first] if first.startswith("-") else [first, lines.readline().rstrip("\r\n")]


def _command(*words: str) -> bytes:
    parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
    return f"*{len(words)}\r\n{''.join(parts)}".encode()
