"""The environment variables of the processes that the plugin starts. Only proxy and CA settings are
inherited."""

import os
from pathlib import Path

from providers.local.plugin.os_processes import DIRECTORY_VARIABLE, WORKLOAD_VARIABLE

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
"""The variables that name proxies and private certificate authorities."""


def network_environment() -> dict[str, str]:
    """Return the proxy and CA variables that are set in the current environment."""
    return {name: os.environ[name] for name in _NETWORK if name in os.environ}


def workload_environment(directory: Path, workload: str, home: Path) -> dict[str, str]:
    """Return the variables that Nebula sets for `workload` of the stack in `directory`; HOME is `home`.

    The two NEBULA variables identify the workload's processes when all records are lost.
    """
    return {
        "PATH": PATH,
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        DIRECTORY_VARIABLE: str(directory),
        WORKLOAD_VARIABLE: workload,
    }


def base_environment(directory: Path, workload: str, home: Path) -> dict[str, str]:
    """Return `network_environment()` and `workload_environment(directory, workload, home)` together."""
    return {**network_environment(), **workload_environment(directory, workload, home)}
