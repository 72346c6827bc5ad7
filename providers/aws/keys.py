"""Creates encryption keys: one for each component that keeps data."""

import pulumi
from pulumi_aws import kms

from providers.aws.scope import Scope


def key(component: str, holds: str, scope: Scope, parent: pulumi.Resource) -> kms.Key:
    """Creates a key that is rotated every year. Only IAM decides who may use it. When it is deleted, the
    data that it encrypts is lost; the deletion can be cancelled for thirty days, or for seven in an
    unprotected stack."""
    return kms.Key(
        f"{component}-key",
        description=f"Nebula {scope.stack}: {holds}",
        enable_key_rotation=True,
        deletion_window_in_days=30 if scope.protected else 7,
        tags=scope.tags.of(component),
        opts=scope.options(parent, stateful=True),
    )
