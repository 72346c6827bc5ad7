"""What clients take from the environment of whoever runs a program: a proxy, and no password."""

import os


def read_no_netrc() -> None:
    """Keep clients (requests, and what is built on it) from sending a server the password that the .netrc of
    whoever runs this has for it: it would even take the place of the one that was given."""
    os.environ["NETRC"] = os.devnull


def reach_loopback_directly() -> None:
    """Keep clients that read the usual proxy variables (Java's are given them too) from sending what
    goes to this machine through the proxy."""
    known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    direct = ",".join(filter(None, [known, "127.0.0.1", "localhost"]))
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = direct
