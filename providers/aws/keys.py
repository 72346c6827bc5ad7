"""Encryption keys: one for each component that keeps data."""

import pulumi
from pulumi_aws import kms

from providers.aws.scope import Scope


def key(component: str, holds: str, scope: Scope, parent: pulumi.Resource) -> kms.Key:
    """A key that is renewed each year. Who may use it is said by IAM alone. Without it, what it
    encrypts is gone: it can be called back for thirty days (seven where nothing is protected)."""
    return kms.Key(
        f"{component}-key",
        description=f"Nebula {scope.stack}: {holds}",
        enable_key_rotation=True,
        deletion_window_in_days=30 if scope.protected else 7,
        tags=scope.tags.of(component),
        opts=scope.options(parent, stateful=True),
    )
