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
    nothing is written."""
    target = os.environ.get(VARIABLE)
    if not target:
        return
    path = Path(target)
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
