#!/bin/sh
# pytest-xdist 3.8.0 with pytest 9.2.0: --dist loadgroup does not keep the tests of an xdist_group in one process, and
# says nothing. Tests that share a port or a server by such a group run into one another. --dist loadfile works.
#
# Seen with Python 3.11, two modules of four tests, each module a group, two processes:
#   loadgroup: a module's tests ran in 2 processes
#   loadfile: a module's tests ran in 1 process
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --quiet --disable-pip-version-check install pytest==9.2.0 pytest-xdist==3.8.0
cd "$place"
for module in a b; do
    cat >"test_$module.py" <<'PYTHON'
import os
import time

import pytest

pytestmark = pytest.mark.xdist_group(__name__)


@pytest.mark.parametrize("number", range(4))
def test_process(number):
    time.sleep(0.3)
    with open(f"{__name__}.processes", "a") as file:
        print(os.getpid(), file=file)
PYTHON
done
for mode in loadgroup loadfile; do
    rm -f ./*.processes
    venv/bin/python -m pytest -q -p no:cacheprovider -n 2 --dist "$mode" . >/dev/null
    count=$(sort -u test_a.processes | wc -l)
    echo "$mode: a module's tests ran in $count process(es)"
    case "$mode" in loadgroup) [ "$count" -eq 2 ] ;; *) [ "$count" -eq 1 ] ;; esac
done
echo "as described"
