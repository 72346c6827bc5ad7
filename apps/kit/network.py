"""Reaching servers on this machine from behind a proxy."""

import os


def reach_loopback_directly() -> None:
    """Keep clients that read the usual proxy variables (Java's are given them too) from sending what
    goes to this machine through the proxy."""
    known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    direct = ",".join(filter(None, [known, "127.0.0.1", "localhost"]))
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = direct
