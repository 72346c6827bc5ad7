"""A Pulumi language host, written in Python: runs Python programs and policy packs for the engine.

The engine starts it as `pulumi-language-python <engine address>` where the official host cannot be
had (it is not published in a package registry), and talks to it over the `LanguageRuntime` service.
Programs and plugins run in interpreters of their own; their stdout and stderr go through to the
engine, which shows them as diagnostics. Run it as a script: it imports nothing of the project.
"""

import importlib.util
import json
import os
import queue
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import IO, Any


def _skip_the_sdk() -> None:
    """Lets `pulumi.runtime.proto` be imported without the SDK around it: the engine starts a host twice
    for every command, and waits each time for what `import pulumi` takes (0.5 s; the stubs 0.15 s)."""
    found = importlib.util.find_spec("pulumi")
    if found is None or not found.submodule_search_locations:
        sys.exit("The Python package pulumi is missing. Install it with `make .venv/installed`.")
    location = found.submodule_search_locations[0]
    for name, path in (("pulumi", location), ("pulumi.runtime", os.path.join(location, "runtime"))):
        module = types.ModuleType(name)
        module.__path__ = [path]
        sys.modules[name] = module


if __name__ == "__main__":
    _skip_the_sdk()

# The imports that the lines above speed up.
import grpc  # noqa: E402
from google.protobuf import empty_pb2, json_format, struct_pb2  # noqa: E402
from pulumi.runtime.proto import language_pb2 as language  # noqa: E402
from pulumi.runtime.proto import language_pb2_grpc, plugin_pb2  # noqa: E402

PROGRAM = Path(__file__).with_name("program.py")
ERROR_ALREADY_SHOWN = 32
"""Exit code of a program whose error stands in the engine's log already."""
VERSION = "3.258.0"
_MAX_MESSAGE = 400 * 1024 * 1024
_ORPHAN_CHECK_SECONDS = 1.0


class InterpreterMissingError(Exception):
    """The project names a virtual environment that does not exist."""

    def __init__(self, virtualenv: str, interpreter: Path) -> None:
        super().__init__(
            f"The project runs in the virtual environment {virtualenv!r}, but {interpreter} does not exist. "
            "Make it with `make .venv/installed`."
        )


def interpreter(options: struct_pb2.Struct, root: Path) -> str:
    """Returns the Python that a program in `root` runs on: that of its `virtualenv` option, else this
    process's own.

    Raises InterpreterMissingError when that virtual environment does not exist.
    """
    virtualenv = json_format.MessageToDict(options).get("virtualenv")
    if not virtualenv:
        return sys.executable
    python = root / virtualenv / "bin" / "python"
    if not python.exists():
        raise InterpreterMissingError(virtualenv, python)
    return str(python)


def plugin_command(request: Any) -> list[str]:
    """Returns the command line that runs the policy pack or the plugin of `request`, a `RunPluginRequest`."""
    directory = request.info.program_directory
    python = interpreter(request.info.options, Path(request.info.root_directory or directory))
    if request.kind == "analyzer":
        # -P: it starts in the program's folder, whose modules must not hide those of Python's library.
        return [python, "-P", "-u", "-m", "pulumi.policy", *request.args, directory]
    return [python, "-u", os.path.join(directory, request.info.entry_point or "."), *request.args]


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Implements the engine's `LanguageRuntime` service for one run of the engine.

    It reports no required packages: the engine then looks for a provider only when the program
    first uses it, so a stack that needs none downloads none.
    """

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._children: set[subprocess.Popen[bytes]] = set()

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._engine = request.engine_address
        return language.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetRequiredPlugins(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language.GetRequiredPluginsResponse()

    def GetRequiredPackages(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language.GetRequiredPackagesResponse()

    def GetProgramDependencies(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language.GetProgramDependenciesResponse()

    def RuntimeOptionsPrompts(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language.RuntimeOptionsResponse()

    def InstallDependencies(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        return iter(())  # the Makefile keeps .venv

    def About(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language.AboutResponse(executable=sys.executable, version=sys.version.split()[0])

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        for child in list(self._children):
            child.terminate()
        return empty_pb2.Empty()

    def Run(self, request: Any, context: grpc.ServicerContext) -> Any:
        info = request.info
        try:
            python = interpreter(info.options, Path(info.root_directory))
        except InterpreterMissingError as error:
            return language.RunResponse(error=str(error))
        run = {
            "monitor": request.monitor_address,
            "engine": self._engine,
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization or "organization",
            "dry_run": request.dryRun,
            "parallel": request.parallel,
            "root_directory": info.root_directory,
            "program": os.path.join(info.program_directory, info.entry_point or "."),
            "args": list(request.args),
            "config": dict(request.config),
            "secret_keys": list(request.configSecretKeys),
        }
        child = self._start(
            [python, "-u", str(PROGRAM)], request.pwd or info.program_directory, context, stdout=None
        )
        assert child.stdin is not None  # a pipe was asked for
        try:
            # Through a pipe, not the environment: the config holds secrets in clear.
            with child.stdin as stdin:
                stdin.write(json.dumps(run).encode())
        except BrokenPipeError:
            pass  # it ended before it read; its exit code tells
        code = child.wait()
        self._children.discard(child)
        if code == 0:
            return language.RunResponse()
        if code == ERROR_ALREADY_SHOWN or not context.is_active():
            return language.RunResponse(bail=True)
        return language.RunResponse(error=f"The program ended with exit code {code}.")

    def RunPlugin(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        try:
            command = plugin_command(request)
        except InterpreterMissingError as error:
            yield language.RunPluginResponse(stderr=f"{error}\n".encode())
            yield language.RunPluginResponse(exitcode=1)
            return
        environment = dict(pair.split("=", 1) for pair in request.env) or None
        child = self._start(
            command,
            request.pwd or request.info.program_directory,
            context,
            stdout=subprocess.PIPE,
            environment=environment,
        )
        assert child.stdin is not None  # a pipe was asked for
        child.stdin.close()
        responses: queue.Queue[Any] = queue.Queue()
        streams = {"stdout": child.stdout, "stderr": child.stderr}
        for name, stream in streams.items():
            threading.Thread(target=_forward, args=(stream, name, responses), daemon=True).start()
        open_streams = len(streams)
        while open_streams:
            response = responses.get()
            if response is None:
                open_streams -= 1
            else:
                yield response
        self._children.discard(child)
        yield language.RunPluginResponse(exitcode=child.wait())

    def _start(
        self,
        command: list[str],
        directory: str,
        context: grpc.ServicerContext,
        *,
        stdout: int | None,
        environment: dict[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Starts `command`. It is terminated when the engine cancels the call that `context` belongs to."""
        child = subprocess.Popen(
            command, cwd=directory, env=environment, stdin=subprocess.PIPE, stdout=stdout, stderr=stdout
        )
        self._children.add(child)
        if not context.add_callback(child.terminate):  # the call ended already
            child.terminate()
        return child


def _forward(stream: IO[bytes], name: str, responses: "queue.Queue[Any]") -> None:
    while chunk := os.read(stream.fileno(), 65536):
        responses.put(
            language.RunPluginResponse(stdout=chunk)
            if name == "stdout"
            else language.RunPluginResponse(stderr=chunk)
        )
    responses.put(None)


def serve(engine: str) -> None:
    """Serves the engine at the address `engine` until it ends. Prints the port that it connects to."""
    parent = os.getppid()
    server = grpc.server(
        futures.ThreadPoolExecutor(16),
        options=[
            ("grpc.max_receive_message_length", _MAX_MESSAGE),
            ("grpc.max_send_message_length", _MAX_MESSAGE),
        ],
    )
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageHost(engine), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    try:
        # An engine killed outright tells nobody: its hosts would stay for ever.
        while server.wait_for_termination(_ORPHAN_CHECK_SECONDS) and os.getppid() == parent:
            pass
    except KeyboardInterrupt:
        pass
    server.stop(0).wait()


if __name__ == "__main__":
    serve(next((argument for argument in reversed(sys.argv[1:]) if not argument.startswith("-")), ""))
