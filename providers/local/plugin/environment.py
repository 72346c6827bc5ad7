"""The environment of everything the plugin starts: set from scratch, nothing else of the user's."""

import os
from pathlib import Path

from providers.local.plugin.processes import DIRECTORY_MARK, WORKLOAD_MARK

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_NETWORK = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "AWS_CA_BUNDLE",
    "PIP_CERT",
    "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO",
)
"""How this machine reaches the network: proxies and private certificate authorities."""


def inherited() -> dict[str, str]:
    """The proxy and CA variables of the user's environment."""
    return {name: os.environ[name] for name in _NETWORK if name in os.environ}


def own_environment(directory: Path, workload: str, home: Path) -> dict[str, str]:
    """What `workload` of the stack in `directory` gets besides its own variables and `inherited()`.

    The two NEBULA marks let its processes be found again when every record is lost.
    """
    return {
        "PATH": PATH,
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        DIRECTORY_MARK: str(directory),
        WORKLOAD_MARK: workload,
    }


def base_environment(directory: Path, workload: str, home: Path) -> dict[str, str]:
    return {**inherited(), **own_environment(directory, workload, home)}
