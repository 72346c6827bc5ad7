"""The launcher, which prepares its own process and then executes a server or a command in it.

`exec.py <spec.json> <record.json>` is the command that supervisord runs for a server. It records its pid,
which stays the server's, ends when one of the server's ports is taken (supervisord tries again), gives up
root's rights when the spec names a user, and executes the server with the spec's environment.

`exec.py --as <user> <group> <command>` executes a command as another user, with the environment unchanged.

It imports the standard library only: it runs in an isolated Python before every start and restart.
Configuration files of running stacks contain its path, so it must not be renamed.
"""

import errno
import json
import os
import socket
import sys


def run_as_prefix(user: int, group: int) -> list[str]:
    """Return the words that, put before a command, run it as the user and group with these ids."""
    return [sys.executable, "-I", "-S", os.path.abspath(__file__), "--as", str(user), str(group)]


def launch(spec_path: str, record_path: str) -> None:
    """Record this process in `record_path` and execute the server that the JSON file `spec_path`
    describes."""
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
    """Exit when another program has `port`.

    Otherwise Spark would listen on the next port, which may be another server's. As servers do, the check
    ignores connections in TIME_WAIT.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            sys.exit(
                f"port {port} ({name}) is taken by another program, so the server was not started. It "
                "starts as soon as the port is free; `make preview` names the program"
            )


def _drop(user: int, group: int) -> None:
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)


def _become(argv: list[str], environment: dict[str, str]) -> None:
    try:
        os.execvpe(argv[0], argv, environment)
    except OSError as error:
        sys.exit(f"cannot run {argv[0]}: {error.strerror}. `make clean` and `pulumi up` download it again")


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
