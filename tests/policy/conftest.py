"""Projects whose programs are those of `programs.py`, previewed by the real engine with the pack."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.engine import installation
from infra.previews.preview import Preview, preview
from providers.local import paths
from tests.policy import VARIABLE

ROOT = Path(__file__).parents[2]
PACK = ROOT / "policy" / "pack"
Judge = Callable[..., Preview]


@pytest.fixture(scope="session")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """Previews a program in a stack of a size, with what else its file has."""
    engine = installation.find(os.environ, paths.cache_directory())
    if engine is None:
        pytest.skip("there is no engine here: python -m infra.engine test-env builds one")

    def judged(program: str, size: str, **platform: object) -> Preview:
        project = tmp_path_factory.mktemp(f"{program}-{size}")
        (project / "Pulumi.yaml").write_text("name: judged\nruntime: python\n")
        (project / "__main__.py").write_text("from tests.policy import programs\n\nprograms.run()\n")
        config = {"nebula:platform": {"cloud": "aws", "size": size, **platform}}
        (project / "Pulumi.test.yaml").write_text(json.dumps({"config": config}))
        environment = {VARIABLE: program, "PYTHONPATH": str(ROOT)}
        return preview(project, "test", engine, pack=PACK, environment=environment)

    return judged
