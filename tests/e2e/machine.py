"""Reads the programs that run on this machine from /proc, without asking supervisord or the plugin."""

import ipaddress
import socket
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

SUPERVISORD = "supervisord"
_SHARED_MEMORY = ("/dev/shm/", "/SYSV")  # as a process' memory map names it


@dataclass(frozen=True)
class Program:
    """A living process. `executable` is the file that it runs. `name` is that file's name, or the module or
    script when an interpreter runs supervisord."""

    pid: int
    parent: int
    executable: str
    argv: tuple[str, ...]

    @property
    def name(self) -> str:
        if any("supervisor.supervisord" in word for word in self.argv):
            return SUPERVISORD
        return Path(self.executable).name


def programs_of(directory: Path, *, files: bool = False) -> list[Program]:
    """Return the processes whose working directory, arguments or environment contain the path of a stack's
    directory. With `files`, their open files are searched too."""
    found = []
    for pid in psutil.pids():
        try:
            # Not by process_iter: it keeps the executable that a process had before it became another.
            process = psutil.Process(pid)
            if process.status() != psutil.STATUS_ZOMBIE and _stands_in(process, directory, files):
                found.append(Program(process.pid, process.ppid(), process.exe(), tuple(process.cmdline())))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def _stands_in(process: psutil.Process, directory: Path, files: bool) -> bool:
    places = [process.cwd(), *process.cmdline(), *process.environ().values()]
    places += [file.path for file in process.open_files()] if files else []
    return any(_below(place, directory) for place in places)


def _below(place: str, directory: Path) -> bool:
    _, found, tail = place.partition(str(directory))
    return bool(found) and not tail[:1].strip("/:,;\" '")


def servers_of(directory: Path) -> Counter[str]:
    """Return how often each program runs for the stack. The processes that a server forked from itself count
    as one with it."""
    return Counter(program.name for program in _leaders(directory))


def pid_of(directory: Path, name: str) -> int:
    """Return the pid of the stack's server whose program is `name`, or 0 unless exactly one runs."""
    pids = [program.pid for program in _leaders(directory) if program.name == name]
    return pids[0] if len(pids) == 1 else 0


def _leaders(directory: Path) -> list[Program]:
    programs = {program.pid: program for program in programs_of(directory)}
    return [
        program
        for program in programs.values()
        if program.parent not in programs or programs[program.parent].executable != program.executable
    ]


def listening(ports: Iterable[int]) -> dict[int, int]:
    """Return the ports among `ports` on which a process listens, with its pid, or 0 when this user may not
    see it."""
    wanted = set(ports)
    return {
        connection.laddr.port: connection.pid or 0
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port in wanted
    }


def sockets_of(directory: Path) -> set[tuple[str, int]]:
    """Return the address and port of each socket on which the stack's processes accept traffic: listening
    TCP, and UDP that is not connected to a peer, IPv4 and IPv6."""
    pids = {program.pid for program in programs_of(directory)}
    return {
        (_unmapped(connection.laddr.ip), connection.laddr.port)
        for connection in psutil.net_connections("inet")
        if connection.pid in pids
        and connection.laddr
        and (
            connection.status == psutil.CONN_LISTEN
            if connection.type == socket.SOCK_STREAM
            else not connection.raddr
        )
    }


def _unmapped(address: str) -> str:
    """Return the IPv4 address that an IPv6 socket's address contains."""
    found = ipaddress.ip_address(address)
    return str(getattr(found, "ipv4_mapped", None) or found)


def shared_memory(directory: Path) -> set[str]:
    """Return the files of shared memory that the stack's processes have mapped. Such a file outlives a killed
    process."""
    found = set()
    for program in programs_of(directory):
        try:
            maps = Path(f"/proc/{program.pid}/maps").read_text().splitlines()
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue
        found |= {line.split(maxsplit=5)[5] for line in maps if any(part in line for part in _SHARED_MEMORY)}
    return found


def files_below(*directories: Path) -> set[Path]:
    """Return every file and folder below `directories`."""
    return {path for directory in directories for path in directory.rglob("*")}
