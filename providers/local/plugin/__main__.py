"""The plugin's process: `python -m providers.local.plugin <engine address>`."""

import importlib.util
import os
import signal
import sys
import threading
import time
import types


def _skip_the_sdk() -> None:
    """Let `pulumi.runtime.proto` be imported without the SDK around it.

    The plugin needs the SDK's gRPC stubs only; `import pulumi` takes 0.4 s of every preview, the
    stubs 0.15 s.
    """
    found = importlib.util.find_spec("pulumi")
    if found is None or not found.submodule_search_locations:
        sys.exit("nebula-local: the Python package pulumi is missing; `make up` installs it")
    location = found.submodule_search_locations[0]
    for name, path in (("pulumi", location), ("pulumi.runtime", os.path.join(location, "runtime"))):
        module = types.ModuleType(name)
        module.__path__ = [path]
        sys.modules[name] = module


def main() -> None:
    parent = os.getppid()
    # The cache is for every stack and user of servers: what the user's shell says must not decide who may
    # write in it. What is private gets its mode explicitly.
    os.umask(0o022)
    _skip_the_sdk()
    from providers.local.plugin.commands import end_children
    from providers.local.plugin.engine import Engine
    from providers.local.plugin.server import serve

    engine = Engine()
    server, port = serve(engine)

    def leave(*_: object) -> None:
        engine.cancel()
        end_children()
        os._exit(0)

    def follow_the_engine() -> None:
        # An engine that is killed cannot say so: its pid stops being our parent's.
        while os.getppid() == parent:
            time.sleep(0.2)
        leave()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    threading.Thread(target=follow_the_engine, daemon=True).start()
    print(port, flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
