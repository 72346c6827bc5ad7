"""Kubernetes' rules are recognised by their names, and the user's own rules stay."""

import os
import shutil
import subprocess
import sys

import pytest

_RULES = """\
*nat
:KUBE-SERVICES - [0:0]
:KUBE-SVC-ONE - [0:0]
:CNI-abc - [0:0]
:MINE - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A PREROUTING -m comment --comment "mine, no -j KUBE-SERVICES" -j MINE
-A KUBE-SERVICES -d 10.96.0.1/32 -j KUBE-SVC-ONE
-A POSTROUTING -s 10.244.0.9/32 -j CNI-abc
-A MINE -p tcp --dport 7 -j RETURN
COMMIT
*filter
:KUBE-FIREWALL - [0:0]
-A INPUT -j KUBE-FIREWALL
COMMIT
"""

# In a network namespace of its own, so that this machine's rules are not touched.
_SCRIPT = f"""
import subprocess
from tests.testbed import firewall
before = firewall.tables()
subprocess.run(["iptables-restore"], input={_RULES!r}, text=True, check=True)
found = firewall.rules()
assert len(found) == 8, found
firewall.clear(before)
assert firewall.rules() == [], firewall.rules()
print(subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout)
print(sorted(firewall.tables()))
"""


def test_only_the_rules_of_kubernetes_are_removed() -> None:
    if os.geteuid() != 0 or not shutil.which("iptables") or not shutil.which("nft"):
        pytest.skip("needs root, iptables and nft")
    ended = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", _SCRIPT], capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    assert '-A PREROUTING -m comment --comment "mine, no -j KUBE-SERVICES" -j MINE' in ended.stdout
    assert "-A MINE -p tcp -m tcp --dport 7 -j RETURN" in ended.stdout
    assert "KUBE-S" not in ended.stdout.replace("no -j KUBE-SERVICES", "")
    assert "['ip nat']" in ended.stdout, "the emptied table is gone, the user's stays"
