"""`python -m infra.plugins.standin <package> <engine address>`: the process of one stand-in."""

import os
import sys
from collections.abc import Sequence

import psutil

from infra.plugins.standin.process import serve
from infra.plugins.standin.provider import StandIn

_REFRESHES = ("--refresh", "-r")
"""Options by which `pulumi preview` reads what runs, which a stand-in cannot."""


def refusal(package: str, command: Sequence[str]) -> str | None:
    """Returns why the stand-in of `package` does not serve the engine that was started by `command`, its
    program and arguments; None when it does. It serves `pulumi preview`, and neither a command that may
    change a stack nor one that compares it with what runs."""
    if command[1:2] == ["preview"] and not any(each.startswith(_REFRESHES) for each in command):
        return None
    return (
        f"The stand-in for the provider plugin {package} serves `pulumi preview` without --refresh only, and "
        f"was started by `pulumi {' '.join(command[1:])}`. Remove its directory from PATH and install the "
        "plugin: docs/plugins.md."
    )


def main(package: str) -> None:
    """Serves the stand-in of `package` until the engine ends. Exits with a message where `refusal` has
    one."""
    if problem := refusal(package, psutil.Process(os.getppid()).cmdline()):
        sys.exit(f"error: {problem}")
    serve(StandIn(package))


if __name__ == "__main__":
    main(sys.argv[1])
