"""Software on a machine without containers: fetched by the ordinary package clients, verified against
the lock, laid out in a shared cache.

Nothing here imports pulumi: the plugin, the engine's bootstrap and image builds use it alike.
"""

from providers.local.artifacts.client import Progress
from providers.local.artifacts.errors import ArtifactError, ChecksumError, FetchError, LockError
from providers.local.artifacts.install import install
from providers.local.artifacts.lock import home_of, locked_parts
from providers.local.artifacts.preflight import missing_tools, space_needed

__all__ = [
    "ArtifactError",
    "ChecksumError",
    "FetchError",
    "LockError",
    "Progress",
    "home_of",
    "install",
    "locked_parts",
    "missing_tools",
    "space_needed",
]
