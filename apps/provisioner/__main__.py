"""`python -m apps.provisioner SPEC.json`: see README.md."""

import logging
import sys
from pathlib import Path

from apps.kit import output, result
from apps.kit.errors import AppError
from apps.kit.network import reach_loopback_directly, read_no_netrc
from apps.kit.settings import SpecError, load, secrets_of
from apps.provisioner.changes import Changes
from apps.provisioner.converge import converge
from apps.provisioner.specs import SPEC

_log = logging.getLogger("apps.provisioner")


def main(arguments: list[str]) -> int:
    """Converge the service of the spec file that `arguments` names; returns the exit code."""
    redact = output.Redaction()
    try:
        if len(arguments) != 1:
            raise SpecError("usage: python -m apps.provisioner SPEC.json")
        spec = load(Path(arguments[0]), SPEC, discriminator="service")
        redact = output.Redaction(secrets_of(spec))
        output.configure(redact)
        read_no_netrc()
        reach_loopback_directly()
        changes = Changes()
        converge(spec, changes)
        if not changes.made:
            _log.info("nothing to change")
        result.write_result({"service": spec.service, "changed": changes.made})
    except AppError as error:
        print(redact(f"provisioner: {error}"), file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
