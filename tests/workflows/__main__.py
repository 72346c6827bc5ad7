"""`python -m tests.workflows`: lint the workflows with actionlint, which is built from its Go module once."""

import hashlib
import subprocess
import sys
from pathlib import Path

from providers.local import paths
from providers.local.artifacts import go

PACKAGE = "github.com/rhysd/actionlint/cmd/actionlint"
MODULE = Path(__file__).parent
ROOT = MODULE.parents[1]


def actionlint() -> Path:
    """The executable, in the cache under the digest of what it is built from."""
    recipe = hashlib.sha256(b"".join((MODULE / name).read_bytes() for name in ("go.mod", "go.sum")))
    cache = paths.cache_directory()
    output = cache / "go" / "bin" / f"actionlint-{recipe.hexdigest()[:12]}" / "actionlint"
    if not output.exists():
        output.parent.mkdir(parents=True, exist_ok=True)
        go.build(PACKAGE, MODULE, output, "-s -w", cache, lambda line: print(line, file=sys.stderr))
    return output


def lint(directory: Path = ROOT / ".github" / "workflows") -> subprocess.CompletedProcess[str]:
    """Lint the workflows of `directory`; shell and Python in them are left to their own linters."""
    files = sorted(str(path) for path in directory.glob("*.yml"))
    command = [str(actionlint()), "-no-color", "-shellcheck=", "-pyflakes=", *files]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=directory)


if __name__ == "__main__":
    ended = lint()
    print(ended.stdout + ended.stderr, end="")
    sys.exit(ended.returncode)
