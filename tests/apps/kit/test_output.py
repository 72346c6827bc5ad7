import subprocess
import sys
from pathlib import Path

from apps.kit.output import MASK, Redaction

REPOSITORY = Path(__file__).resolve().parents[3]


def test_a_secret_that_holds_another_is_masked_whole() -> None:
    redact = Redaction(["abc", "abcdef", ""])
    assert redact("abcdef abc") == f"{MASK} {MASK}"


def test_neither_log_records_nor_tracebacks_show_a_secret() -> None:
    program = (
        "import logging\n"
        "from apps.kit.output import Redaction, configure\n"
        "configure(Redaction(['s3cret']))\n"
        "logging.getLogger('apps.x').info('the key is %s', 's3cret')\n"
        "raise RuntimeError('s3' + 'cret')\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert run.stdout == f"the key is {MASK}\n"
    assert f"RuntimeError: {MASK}" in run.stderr
    assert run.returncode == 1
