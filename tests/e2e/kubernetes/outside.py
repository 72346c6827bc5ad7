"""A client outside of the cluster: a process of this machine that knows the exposed host names and the site's
certificate authority."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.full import eventually
from tests.e2e.kubernetes.cluster import Cluster
from tests.e2e.stack import ROOT

_ADDRESS_SECONDS = 120
# Names are given to this process alone, in a mount namespace of its own.
_WITH_NAMES = 'mount --bind "$1" /etc/hosts; shift; exec "$@"'


def addresses(cluster: Cluster, namespace: str, hosts: Mapping[str, str]) -> dict[str, str]:
    """Return the address of the load balancer that serves each host name of `hosts`."""
    found: dict[str, str] = {}
    for component, host in hosts.items():
        name = f"{component.replace('_', '-')}-outside"
        for attempt in eventually(_ADDRESS_SECONDS):
            with attempt:
                ingress = cluster.core.read_namespaced_service(name, namespace).status.load_balancer.ingress
                assert ingress, f"{name} has no address"
        found[host] = ingress[0].ip
    return found


@dataclass(frozen=True)
class Client:
    """A client outside of the cluster. `names` maps host names to addresses; `authority` is a file of
    certificates in PEM."""

    names: Mapping[str, str]
    authority: Path

    def run(self, program: str, given: Any) -> Any:
        """Run a Python program that reads `given` as JSON from standard input, and return the JSON that it
        prints."""
        with tempfile.NamedTemporaryFile("w", suffix=".hosts") as file:
            file.write("127.0.0.1 localhost\n")
            file.writelines(f"{address} {name}\n" for name, address in self.names.items())
            file.flush()
            environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
            shell = ["unshare", "--mount", "sh", "-ec", _WITH_NAMES, "sh", file.name]
            ended = subprocess.run(
                [*shell, sys.executable, "-c", program],
                input=json.dumps(given),
                env={
                    **environment,
                    "PYTHONPATH": str(ROOT),
                    "SSL_CERT_FILE": str(self.authority),
                    "REQUESTS_CA_BUNDLE": str(self.authority),
                },
                capture_output=True,
                text=True,
                check=False,
                timeout=300,
            )
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout.splitlines()[-1])
