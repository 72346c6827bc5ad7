"""Random secrets where there is no store of the provider's own: encrypted in the state alone."""

import pulumi
import pulumi_random as random


class RandomSecrets:
    """Minted by the random provider."""

    def __init__(self, provider: random.Provider) -> None:
        self._provider = provider

    def random(self, name: str, parent: pulumi.Resource, length: int = 32) -> pulumi.Output[str]:
        opts = pulumi.ResourceOptions(parent=parent, provider=self._provider)
        return random.RandomPassword(name, length=length, special=False, opts=opts).result
