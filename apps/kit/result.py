"""The result of an app: a small JSON object in the file that the platform names."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

VARIABLE = "NEBULA_RESULT"


def write_result(result: Mapping[str, Any]) -> None:
    """Write `result` to the file named by NEBULA_RESULT, whole or not at all; without the variable,
    nothing is written. A file in a directory of somebody else's, as a container's termination log is,
    is written in place: who reads it waits for the end of the program."""
    target = os.environ.get(VARIABLE)
    if not target:
        return
    path = Path(target)
    if not os.access(path.parent, os.W_OK):
        path.write_text(json.dumps(result, ensure_ascii=False) + "\n", encoding="utf-8")
        return
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(result, file, ensure_ascii=False, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
