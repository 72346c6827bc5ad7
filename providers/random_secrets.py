"""Mints random secrets where the provider has no secret store: only the state has them, encrypted."""

import pulumi
import pulumi_random as random


class RandomSecrets:
    """Mints secrets by Pulumi's random provider."""

    def __init__(self, provider: random.Provider) -> None:
        self._provider = provider

    def random(self, name: str, parent: pulumi.Resource, length: int = 32) -> pulumi.Output[str]:
        opts = pulumi.ResourceOptions(parent=parent, provider=self._provider)
        return random.RandomPassword(name, length=length, special=False, opts=opts).result
