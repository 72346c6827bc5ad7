"""Who listens on which port of this machine."""

import errno
import os
import pwd
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
    """A listening TCP socket that a server on 127.0.0.1 (or ::1) would collide with."""

    port: int
    inode: int
    user: int


def listeners(ports: Collection[int]) -> list[Listener]:
    """The listeners on `ports` at the loopback or any address, IPv4 and IPv6."""
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


def holders(inodes: Collection[int], pids: Iterable[int]) -> dict[int, int]:
    """Socket inode to the pid among `pids` that has it open (as far as we may look)."""
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


def refusal(port: int, bind: str = "127.0.0.1") -> str | None:
    """Why a server could not bind `port` although nobody listens there; None when it could."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return "in use by an open connection"
            return (error.strerror or str(error)).lower()
    return None


def user_name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
