"""The launcher that becomes a server or a command. Standard library only: it runs isolated, before
every start and restart.

`exec.py <spec.json> <record.json>`, between supervisord and a server: notes which process the server
will be (before anything can go wrong with it), ends when one of its ports is taken (supervisord tries
again), sets the environment from scratch, drops root's rights when the spec names a user, and becomes
the server.

`exec.py --as <user> <group> <command>`: the same for a command, which keeps its environment.
"""

import errno
import json
import os
import socket
import sys


def dropping(user: int, group: int) -> list[str]:
    """What to put before a command to run it as another user."""
    return [sys.executable, "-I", "-S", os.path.abspath(__file__), "--as", str(user), str(group)]


def launch(spec_path: str, record_path: str) -> None:
    with open(spec_path) as file:
        spec = json.load(file)
    _write_record(record_path, spec["digest"])
    for name, port in spec["ports"].items():
        _refuse_taken(name, spec["bind"], port)
    os.umask(0o077)
    if spec["user"] is not None:
        _drop(spec["user"], spec["group"])
    os.chdir(spec["cwd"])
    _become(spec["argv"], {**spec["inherited"], **spec["env"]})


def _refuse_taken(name: str, bind: str, port: int) -> None:
    """A server that lost its port must not come up beside it: Spark would take the next one, which may be
    another server's. As servers do, it ignores connections that linger."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            sys.exit(
                f"port {port} ({name}) is taken by another program: not started, and tried again until it "
                "is free. `make preview` names who has it"
            )


def _drop(user: int, group: int) -> None:
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)


def _become(argv: list[str], environment: dict[str, str]) -> None:
    try:
        os.execvpe(argv[0], argv, environment)
    except OSError as error:
        sys.exit(f"cannot run {argv[0]}: {error.strerror}")


def _write_record(path: str, digest: str) -> None:
    with open("/proc/self/stat") as file:
        start = int(file.read().rpartition(")")[2].split()[19])
    with open("/proc/sys/kernel/random/boot_id") as file:
        boot = file.read().strip()
    record = {"pid": os.getpid(), "start": start, "boot": boot, "digest": digest}
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "w") as file:
        json.dump(record, file)
    os.replace(temporary, path)


if __name__ == "__main__":
    if sys.argv[1] == "--as":
        _drop(int(sys.argv[2]), int(sys.argv[3]))
        _become(sys.argv[4:], dict(os.environ))
    else:
        launch(*sys.argv[1:3])
