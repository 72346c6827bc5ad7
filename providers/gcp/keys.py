"""Creates encryption keys in one ring: one for each kind of data."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_gcp import kms, projects

from providers.gcp.scope import Scope

_ENCRYPTS = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
_DAY = 24 * 60 * 60


@dataclass(frozen=True)
class Key:
    """An encryption key. `name` is known once its users may encrypt with it."""

    name: pulumi.Output[str]
    granted: tuple[pulumi.Resource, ...]


class Keys(pulumi.ComponentResource):
    """Symmetric keys in the stack's region, rotated every 90 days; older versions still decrypt.

    Google deletes neither rings nor keys: `destroy` ends a key's versions after 30 days, in which they can
    be restored, and leaves two names that cost nothing.
    """

    def __init__(self, name: str, scope: Scope, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("nebula:gcp:Keys", name, {}, opts)
        self._name = name
        self._scope = scope
        self._ring = kms.KeyRing(name, location=scope.region, opts=scope.options(self, stateful=True))
        self.register_outputs({"ring": self._ring.id})

    def key(self, component: str, users: Mapping[str, pulumi.Input[str]]) -> Key:
        """Creates a key for the data of `component`. `users` maps short names to the members that use
        it."""
        key = kms.CryptoKey(
            f"{self._name}-{component}",
            key_ring=self._ring.id,
            purpose="ENCRYPT_DECRYPT",
            rotation_period=f"{90 * _DAY}s",
            destroy_scheduled_duration=f"{30 * _DAY}s",
            labels=self._scope.labels.of(component),
            opts=self._scope.options(self, stateful=True),
        )
        granted = [
            kms.CryptoKeyIAMMember(
                f"{self._name}-{component}-{user}",
                crypto_key_id=key.id,
                role=_ENCRYPTS,
                member=member,
                opts=self._scope.options(self),
            )
            for user, member in users.items()
        ]
        return Key(key.id, tuple(granted))

    def agent(self, service: str) -> pulumi.Output[str]:
        """Returns the account of a service, as a member. The service gets the account only when it is
        asked for."""
        identity = projects.ServiceIdentity(
            f"{self._name}-{service.partition('.')[0]}",
            project=self._scope.project,
            service=service,
            opts=self._scope.options(self),
        )
        return self._scope.member(identity.member)

    def standing_agent(self, account: str) -> pulumi.Output[str]:
        """Returns the account of a service that exists from the day the service was enabled, as a member."""
        return pulumi.Output.concat(
            "serviceAccount:service-", self._scope.number, f"@{account}.iam.gserviceaccount.com"
        )
