"""`python -m tests.standin <kubernetes|random> <engine address>`: the process of one plugin."""

import sys
from typing import Any

from infra.plugins.standin.process import serve
from providers.local.plugin.engine_client import EngineClient


def _provider(package: str) -> Any:
    if package == "kubernetes":
        from tests.standin.kubernetes_provider import KubernetesProvider

        return KubernetesProvider(EngineClient())
    from tests.standin.random_provider import RandomProvider

    return RandomProvider()


if __name__ == "__main__":
    serve(_provider(sys.argv[1]))
