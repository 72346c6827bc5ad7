"""`pulumi-analyzer-policy-python`: how the engine starts a policy pack without a language host.

It passes `<engine address> <pack directory>` and the pack's runtime options as `-name=value`, which
`pulumi.policy` would take for its own. Run it as a script: it imports nothing of the project.
"""

import os
import re
import sys
from collections.abc import Sequence

_OPTION = re.compile(r"-([a-z]+)=(.*)")


def command(arguments: Sequence[str]) -> list[str]:
    """The command line that runs the policy pack, in its `virtualenv` where it names one."""
    options = {match[1]: match[2] for match in map(_OPTION.fullmatch, arguments) if match}
    python = (
        os.path.join(options["virtualenv"], "bin", "python") if options.get("virtualenv") else sys.executable
    )
    rest = [argument for argument in arguments if not _OPTION.fullmatch(argument)]
    return [python, "-u", "-m", "pulumi.policy", *rest]


if __name__ == "__main__":
    analyzer = command(sys.argv[1:])
    os.execv(analyzer[0], analyzer)
