"""Runs one Pulumi program, as the child process of the language host.

Reads as JSON from stdin what to run. An error goes to the engine's log once: as its message for a
`pulumi.RunError` or a `SystemExit("message")`, as a traceback from the program's first frame for any other.
Run it as a script: it imports nothing of the project.
"""

import asyncio
import json
import logging
import os
import runpy
import sys
import traceback
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pulumi
import pulumi.runtime

ERROR_ALREADY_SHOWN = 32


def describe(error: BaseException) -> str:
    """Returns the traceback of `error` with its causes, without the frames before the program's first."""
    report = traceback.TracebackException.from_exception(error)
    for index, frame in enumerate(report.stack):
        if not _is_machinery(frame.filename):
            del report.stack[:index]
            break
    return "".join(report.format())


def _is_machinery(filename: str) -> bool:
    package = os.path.dirname(os.path.abspath(pulumi.__file__))
    return filename == __file__ or filename.startswith(("<frozen", package)) or "asyncio" in filename


def run(request: Mapping[str, Any]) -> int:
    """Runs the program that `request` describes, and returns its exit code: ERROR_ALREADY_SHOWN after an
    error that went to the engine's log."""
    pulumi.runtime.set_all_config(request["config"], request["secret_keys"])
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            project=request["project"],
            stack=request["stack"],
            monitor=request["monitor"],
            engine=request["engine"],
            parallel=request["parallel"],
            dry_run=request["dry_run"],
            organization=request["organization"],
            root_directory=request["root_directory"],
        )
    )
    # The SDK awaits failed tasks itself; asyncio would report each of them a second time.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    sys.argv = [request["program"], *request["args"]]
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.set_default_executor(ThreadPoolExecutor(max(request["parallel"], 1) * 4))
    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(lambda: _run_program(request["program"])))
    except pulumi.RunError as error:
        return _fail(str(error))
    except SystemExit as stop:
        if stop.code is None or isinstance(stop.code, int):
            return stop.code or 0
        return _fail(str(stop.code))
    except Exception as error:  # noqa: BLE001  the engine's log shows every error of a program
        return _fail(f"The program failed:\n{describe(error)}")
    return 0


def _run_program(program: str) -> None:
    runpy.run_path(program, run_name="__main__")


def _fail(message: str) -> int:
    pulumi.log.error(message)
    return ERROR_ALREADY_SHOWN


if __name__ == "__main__":
    sys.path.pop(0)  # this folder: its modules are not the program's
    exit_code = run(json.load(sys.stdin))
    sys.stdout.flush()
    sys.stderr.flush()
    # A failed program may have left threads that wait for the engine for ever.
    os._exit(exit_code)
