"""`python -m infra.engine <command> --stack <stack>`: runs one of the Makefile's targets."""

import argparse
import sys

from infra.engine.commands import COMMANDS, main

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m infra.engine", description="Run a target of the Makefile."
    )
    parser.add_argument("command", choices=sorted(COMMANDS))
    parser.add_argument("--stack", default="local")
    arguments = parser.parse_args()
    sys.exit(main(arguments.command, arguments.stack))
