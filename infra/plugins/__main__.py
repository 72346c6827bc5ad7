"""`python -m infra.plugins --stack <stack>`: the provider plugins that a stack needs.

One line for each: its name, its version, the name of its archive for this machine's system, and whether the
engine finds it (`installed` or `missing`), with tabs between them.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from infra.engine import backend, stacks
from infra.engine.checkout import HERE, Checkout
from infra.engine.ending import ended
from infra.plugins.acquisition import is_installed
from infra.plugins.required import required


def lines(stack: str, checkout: Checkout) -> list[str]:
    """Returns a line for each plugin of `stack`. Raises EngineError for a stack that has no file."""
    stacks.find(checkout, stack)
    environment = {**os.environ, **backend.choose(checkout, os.environ).variables}
    return [
        "\t".join(
            (
                plugin.name,
                plugin.version,
                plugin.archive,
                "installed" if is_installed(plugin, environment, checkout.root) else "missing",
            )
        )
        for plugin in required(stacks.platform(checkout, stack))
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the lines of the stack that `arguments` name, and returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.plugins", description=__doc__)
    parser.add_argument("--stack", default="local")
    stack = parser.parse_args(arguments).stack
    return ended(lambda: _run(stack), HERE)


def _run(stack: str) -> int:
    for line in lines(stack, HERE):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
