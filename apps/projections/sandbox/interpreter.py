"""The process of a sandbox: `python -m apps.projections.sandbox.interpreter`, on standard input and output.

It holds one program, and keeps no state between batches. It cannot open a file, start a process or grow
beyond its memory: the kernel sees to that before the program is loaded (confinement.py).
"""

import json
import os
import sys
from collections.abc import Sequence

import starlark

from apps.projections.sandbox import driver
from apps.projections.sandbox.confinement import confine
from apps.projections.sandbox.frames import (
    APPLY,
    DONE,
    FAILED,
    KEYS,
    LOAD,
    VIEWS,
    ClosedError,
    receive,
    send,
)

PROGRAM = "program.star"
_STACK = 64
_LOAD_GAS = 1000


class Runner:
    """The loaded program `text`, which may take `gas` thousand steps a call. Raises StarlarkError."""

    def __init__(self, text: str, gas: int) -> None:
        self._gas = gas
        self._spent = 0
        self._drivers: dict[str, starlark.FrozenModule] = {}
        dialect = starlark.Dialect.standard()
        dialect.enable_load = False
        dialect.enable_f_strings = True
        self._globals = starlark.Globals.extended_by([starlark.LibraryExtension.Json])
        program = starlark.Module()
        starlark.eval_with(
            self._options(_LOAD_GAS), program, starlark.parse(PROGRAM, text, dialect), self._globals
        )
        self._program = program.freeze()
        self._driver_of([])

    def apply(self, data: bytes) -> bytes:
        """Runs the program over a batch and returns the views as a JSON list.

        `data` is a line with the number of events and their columns, and then the events as a JSON list.
        """
        head, _, text = data.partition(b"\n")
        count, columns = json.loads(head)
        options = self._options(self._gas)
        result = self._driver_of(columns).call_with(options, "apply", text.decode(), count).value
        return str(result).encode()

    def _driver_of(self, columns: Sequence[Sequence[str]]) -> starlark.FrozenModule:
        """The driver for events of these columns, which is made once."""
        text = driver.text(PROGRAM, columns)
        if text not in self._drivers:
            module = starlark.Module()
            module.add_callable("lookup", _lookup)
            parsed = starlark.parse("driver.star", text)
            starlark.eval(module, parsed, self._globals, starlark.FileLoader(lambda _name: self._program))
            self._drivers[text] = module.freeze()
        return self._drivers[text]

    @property
    def exhausted(self) -> bool:
        """True if the last call ended because it took too many steps."""
        return self._spent > self._limit

    def _options(self, limit: int) -> starlark.EvalOptions:
        """Options that end an evaluation after `limit` thousand steps.

        The interpreter calls `check` once in a thousand steps, counted anew for each evaluation: what a
        program spends depends on nothing but the program and its input.
        """
        self._spent, self._limit = 0, limit

        def check() -> bool:
            self._spent += 1
            return self._spent > self._limit

        return starlark.EvalOptions(check_cancelled=check, max_callstack_size=_STACK)


def _lookup(keys: str) -> str:
    send(1, KEYS, keys.encode())
    kind, body = receive(0)
    if kind != VIEWS:
        raise LookupError("the worker refused the keys that the program returned")
    return body.decode()


def _failure(error: BaseException, runner: Runner | None) -> tuple[str, str]:
    text = str(error)
    if isinstance(error, MemoryError) or "out of memory" in text:
        return "memory", "the program needs more memory than it may have"
    if runner is not None and runner.exhausted:
        return "gas", "the program takes more steps than it may"
    if isinstance(error, starlark.StarlarkError) and not any(mark in text for mark in driver.DECODING):
        return "program", text
    return "decode", text


def _brief(text: str) -> str:
    """The interpreter's message and the place of the error, without the lines that draw it."""
    lines = [line.strip() for line in text.splitlines()]
    wrong = [line for line in lines if line.startswith(("error:", "-->"))]
    return " ".join(wrong or lines[-1:])[:500]


def serve() -> None:
    """Does what the worker asks for, frame by frame. Raises ClosedError when the worker has ended."""
    runner: Runner | None = None
    while True:
        kind, body = receive(0)
        try:
            if kind == LOAD:
                task = json.loads(body)
                confine(task["memory"])
                runner = Runner(task["text"], task["gas"])
                send(1, DONE, b"")
            elif kind == APPLY and runner is not None:
                send(1, DONE, runner.apply(body))
        except ClosedError:
            raise
        except BaseException as error:  # noqa: BLE001 - a panic of the interpreter is no Exception
            name, text = _failure(error, runner)
            send(1, FAILED, json.dumps([name, _brief(text)]).encode())


if __name__ == "__main__":
    try:
        serve()
    except ClosedError:
        os._exit(0)
    sys.exit(1)
