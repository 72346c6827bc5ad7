"""Writes kubeconfig files, which name an API server and the credentials of a user."""

import base64
from pathlib import Path

import yaml

from tests.testbed.certificates import Pair

CONTEXT = "nebula-testbed"


def write(path: Path, server: str, authority: Path, client: Pair) -> Path:
    """Write a kubeconfig to `path` that only its owner can read, with the one context `CONTEXT`, and return
    the path. It contains the certificates themselves, so it can be copied."""
    path.touch(mode=0o600)
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": CONTEXT,
                "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT}}],
                "clusters": [
                    {
                        "name": CONTEXT,
                        "cluster": {"server": server, "certificate-authority-data": _encoded(authority)},
                    }
                ],
                "users": [
                    {
                        "name": CONTEXT,
                        "user": {
                            "client-certificate-data": _encoded(client.certificate),
                            "client-key-data": _encoded(client.key),
                        },
                    }
                ],
            },
            sort_keys=False,
        )
    )
    return path


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
