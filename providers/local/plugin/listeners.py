"""Finds the processes that listen on TCP ports of this machine."""

import errno
import os
import socket
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

_LISTEN = "0A"
_ANY_OR_LOOPBACK = (
    "00000000",
    "0" * 32,
    "0" * 16 + "01000000".rjust(16, "0"),  # ::1 as four little-endian words
)
_MAPPED = "0" * 16 + "FFFF0000"


@dataclass(frozen=True)
class Listener:
    """A listening TCP socket whose port a server on 127.0.0.1 or ::1 could not bind.

    `inode` identifies the socket in /proc, `user` is the numeric id of the user who opened it.
    """

    port: int
    inode: int
    user: int


def find_listeners(ports: Collection[int]) -> list[Listener]:
    """Return the sockets that listen on one of `ports` at a loopback or wildcard address, IPv4 and IPv6."""
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except FileNotFoundError:  # a kernel without IPv6
            continue
        for line in lines:
            fields = line.split()
            address, _, port = fields[1].partition(":")
            if fields[3] == _LISTEN and int(port, 16) in ports and _local(address):
                found.append(Listener(int(port, 16), int(fields[9]), int(fields[7])))
    return found


def _local(address: str) -> bool:
    if len(address) == 32 and address.startswith(_MAPPED):
        address = address[24:]
    # Addresses are printed as little-endian words: 127.x.y.z ends in 7F.
    return address in _ANY_OR_LOOPBACK or (len(address) == 8 and address.endswith("7F"))


def socket_holders(inodes: Collection[int], pids: Iterable[int]) -> dict[int, int]:
    """Return which of the processes `pids` has each socket open: socket inode to pid.

    A process that this user may not inspect is skipped.
    """
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[int, int] = {}
    for pid in pids:
        if len(found) == len(wanted):
            break
        try:
            names = os.listdir(f"/proc/{pid}/fd")
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue
        for name in names:
            try:
                target = os.readlink(f"/proc/{pid}/fd/{name}")
            except OSError:  # closed meanwhile
                continue
            if target in wanted:
                found[wanted[target]] = pid
    return found


def bind_problem(port: int, bind: str = "127.0.0.1") -> str | None:
    """Return why a server could not bind `port` at the address `bind`, although nothing listens there, or
    None when it could."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return "an open connection uses it"
            return (error.strerror or str(error)).lower()
    return None
