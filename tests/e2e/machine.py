"""What runs on this machine, read from /proc: neither supervisord nor the plugin is asked."""

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
    """A living process: `executable` is the file that it runs, `name` that file's name, or what the
    interpreter was told to run when that is supervisord."""

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
    """Processes that a stack directory stands in: in their working directory, arguments, environment
    or, with `files`, in what they have open."""
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
    """How often each program runs for the stack. What a server forked of itself counts with it."""
    return Counter(program.name for program in _leaders(directory))


def pid_of(directory: Path, name: str) -> int:
    """The pid of the server whose program is `name`; 0 unless it runs exactly once."""
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
    """Those of `ports` that somebody listens on, with the pid (0 when it is not ours to see)."""
    wanted = set(ports)
    return {
        connection.laddr.port: connection.pid or 0
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port in wanted
    }


def sockets_of(directory: Path) -> set[tuple[str, int]]:
    """Address and port of every socket on which the stack's processes wait for somebody: TCP that listens and
    UDP that is bound to nobody, IPv4 and IPv6, whoever chose the port."""
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
    """An IPv4 address that an IPv6 socket has."""
    found = ipaddress.ip_address(address)
    return str(getattr(found, "ipv4_mapped", None) or found)


def shared_memory(directory: Path) -> set[str]:
    """Files of shared memory that the stack's processes have mapped: they outlive a killed process."""
    found = set()
    for program in programs_of(directory):
        try:
            maps = Path(f"/proc/{program.pid}/maps").read_text().splitlines()
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue
        found |= {line.split(maxsplit=5)[5] for line in maps if any(part in line for part in _SHARED_MEMORY)}
    return found


def files_below(*directories: Path) -> set[Path]:
    """Every file and folder there is below `directories`."""
    return {path for directory in directories for path in directory.rglob("*")}
