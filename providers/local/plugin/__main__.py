"""The entry point of the plugin's process: `python -m providers.local.plugin <engine address>`."""

import importlib.util
import os
import signal
import sys
import threading
import time
import types


def _skip_the_sdk() -> None:
    """Make `pulumi.runtime.proto` importable without importing the rest of the SDK.

    The plugin needs only the SDK's gRPC stubs, which import in 0.15 s; `import pulumi` takes 0.4 s of every
    preview.
    """
    found = importlib.util.find_spec("pulumi")
    if found is None or not found.submodule_search_locations:
        sys.exit(
            f"nebula-local: the Python package pulumi is missing in {sys.prefix}; run `make up`, which "
            "installs it"
        )
    location = found.submodule_search_locations[0]
    for name, path in (("pulumi", location), ("pulumi.runtime", os.path.join(location, "runtime"))):
        module = types.ModuleType(name)
        module.__path__ = [path]
        sys.modules[name] = module


def main() -> None:
    parent = os.getppid()
    # All stacks and the servers' account read the cache, so the umask of the user's shell must not decide its
    # modes. Private files get their mode explicitly.
    os.umask(0o022)
    _skip_the_sdk()
    from providers.local.plugin.command_runner import kill_children
    from providers.local.plugin.engine_client import EngineClient
    from providers.local.plugin.grpc_server import start_grpc_server

    engine = EngineClient()
    server, port = start_grpc_server(engine)

    def end_plugin(*_: object) -> None:
        engine.cancel()
        kill_children()
        os._exit(0)

    def end_with_engine() -> None:
        # A killed engine sends no request: it only stops being this process's parent.
        while os.getppid() == parent:
            time.sleep(0.2)
        end_plugin()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end_plugin)
    threading.Thread(target=end_with_engine, daemon=True).start()
    print(port, flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
