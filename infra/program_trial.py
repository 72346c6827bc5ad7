"""Loads a projection's program as its worker will, in a process of its own: a program that ends the
interpreter or takes all memory must not end the preview. As a script it reads the program from stdin
and prints the problem."""

import contextlib
import functools
import re
import resource
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import starlark

LARGEST = 256 << 10
DEEPEST = 200
_SECONDS = 30
_MEMORY = 1 << 30
# As in a worker: thousands of steps to load a program, and calls within calls.
_GAS = 1000
_STACK = 64
_CALLED: Mapping[str, tuple[Any, ...]] = {"key": ({},), "project": (None, {})}
_MEANT = {"key": "def key(event)", "project": "def project(view, event)"}
_ARGUMENTS = re.compile(r"Missing parameter|extra positional argument|Wrong number of positional")


@functools.cache
def problem(text: str) -> str:
    """Returns the reason why `text` is no program, or an empty text. It does not judge the program's
    results."""
    if len(text.encode()) > LARGEST:
        return f"the program is larger than {LARGEST >> 10} KiB"
    if _depth(text) > DEEPEST:
        return f"the program nests brackets more than {DEEPEST} deep"
    try:
        run = subprocess.run(
            # -P: what stands beside this file shadows no module.
            [sys.executable, "-P", __file__],
            input=text.encode(),
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"the program is not loaded within {_SECONDS} seconds"
    if run.returncode:
        return (
            "the program ends the interpreter that loads it: it nests too deeply, or needs more than "
            f"{_MEMORY >> 20} MiB"
        )
    return run.stdout.decode()


def _depth(text: str) -> int:
    """Returns how deeply brackets are nested, including brackets in texts and comments; it runs before
    any parser."""
    depth = deepest = 0
    for sign in text:
        if sign in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif sign in ")]}":
            depth = max(depth - 1, 0)
    return deepest


def _options() -> starlark.EvalOptions:
    """Returns the interpreter's limits; it checks them once in a thousand steps."""
    steps = iter(range(_GAS))
    return starlark.EvalOptions(check_cancelled=lambda: next(steps, None) is None, max_callstack_size=_STACK)


def _tried(text: str) -> str:
    dialect = starlark.Dialect.standard()
    dialect.enable_load = False
    dialect.enable_f_strings = True
    try:
        parsed = starlark.parse("program.star", text, dialect)
    except starlark.StarlarkError as error:
        return f"the program is not Starlark: {_brief(error)}"
    known = starlark.Globals.extended_by([starlark.LibraryExtension.Json])
    module = starlark.Module()
    try:
        starlark.eval_with(_options(), module, parsed, known)
        program = module.freeze()
    except starlark.StarlarkError as error:
        return f"the program cannot be loaded: {_brief(error)}"
    return next(filter(None, (_called(program, name) for name in _CALLED)), "")


def _called(program: starlark.FrozenModule, name: str) -> str:
    """Calls the program's function once. Only a call tells whether its parameters fit; an error inside
    it is ignored, since it may come from the event, which is no real one."""
    try:
        program.call_with(_options(), name, *_CALLED[name])
    except starlark.StarlarkError as error:
        text = str(error)
        if "-->" in text:
            return ""
        if "has no symbol" in text:
            return f"the program has no `{_MEANT[name]}`"
        if "Operation `call()` not supported" in text:
            return f"{name} is no function: `{_MEANT[name]}` is needed"
        if _ARGUMENTS.search(text):
            return f"{name} takes other arguments than `{_MEANT[name]}`: {_brief(error)}"
    return ""


def _brief(error: Exception) -> str:
    said = [line.strip() for line in str(error).splitlines()]
    return " ".join(line for line in said if line.startswith(("error:", "-->"))) or said[0]


def _confine() -> None:
    for which, value in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_CPU, _SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        # Some systems know no such limit, or have a lower one.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(which, (value, value))


if __name__ == "__main__":
    _confine()
    sys.stdout.write(_tried(sys.stdin.buffer.read().decode()))
