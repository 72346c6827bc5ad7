"""Keeps secrets in Secret Manager; the cluster's add-on mounts them into their pods."""

from collections.abc import Sequence
from dataclasses import replace

import pulumi
from pulumi_gcp import secretmanager
from pulumi_kubernetes import apiextensions, core, meta

from providers.gcp.keys import Key
from providers.gcp.scope import Scope
from providers.kubernetes.naming import Naming, dns_label
from providers.kubernetes.secret_store import VOLUME, Kept, NamespaceSecrets, SecretContent, SecretFile

_COMPONENT = "secrets"
_DRIVER = "secrets-store-gke.csi.k8s.io"
_PROVIDER = "gke"


class SecretManager:
    """A secret for each file, in the stack's region, encrypted with a key of the stack, which the
    program's own pods read and no others.

    The add-on mounts files alone. Variables of the environment are in a Secret of the namespace, which
    the cluster encrypts with a key of the stack too.
    """

    def __init__(self, scope: Scope, key: Key, naming: Naming) -> None:
        self._scope = scope
        self._key = key
        self._naming = naming
        self._variables = NamespaceSecrets(naming)

    def keep(self, content: SecretContent, opts: pulumi.ResourceOptions) -> Kept:
        variables = Kept()
        if content.env:
            variables = self._variables.keep(replace(content, files=()), opts)
        if not content.files:
            return variables
        versions = [self._version(content, file, opts) for file in content.files]
        name = pulumi.Output.concat(dns_label(content.program), "-secrets-", content.digest)
        mounted = self._mounted(name, content, versions, opts)
        csi = core.v1.CSIVolumeSourceArgs(
            driver=_DRIVER, read_only=True, volume_attributes={"secretProviderClass": name}
        )
        return replace(
            variables,
            volume=core.v1.VolumeArgs(name=VOLUME, csi=csi),
            depends_on=(*variables.depends_on, mounted),
        )

    def _version(
        self, content: SecretContent, file: SecretFile, opts: pulumi.ResourceOptions
    ) -> secretmanager.SecretVersion:
        scope, name = self._scope, f"{dns_label(content.program)}-{dns_label(file.key)}"
        secret = secretmanager.Secret(
            name,
            replication=secretmanager.SecretReplicationArgs(
                user_managed=secretmanager.SecretReplicationUserManagedArgs(
                    replicas=[
                        secretmanager.SecretReplicationUserManagedReplicaArgs(
                            location=scope.region,
                            customer_managed_encryption=(
                                secretmanager.SecretReplicationUserManagedReplicaCustomerManagedEncryptionArgs(
                                    kms_key_name=self._key.name
                                )
                            ),
                        )
                    ]
                )
            ),
            labels=scope.labels.of(_COMPONENT),
            opts=scope.options(opts.parent, self._key.granted),
        )
        reader = secretmanager.SecretIamMember(
            name,
            secret_id=secret.id,
            role="roles/secretmanager.secretAccessor",
            member=self._reader(content),
            opts=scope.options(opts.parent),
        )
        return secretmanager.SecretVersion(
            name,
            secret=secret.id,
            secret_data=file.content,
            opts=scope.options(opts.parent, [reader]),
        )

    def _reader(self, content: SecretContent) -> pulumi.Output[str]:
        """Who the add-on asks for a secret as: the account that the pods take on, or they themselves."""
        if content.identity is not None:
            return self._scope.member(pulumi.Output.concat("serviceAccount:", content.identity.role))
        return pulumi.Output.concat(
            "principal://iam.googleapis.com/projects/",
            self._scope.number,
            f"/locations/global/workloadIdentityPools/{self._scope.workload_pool}",
            f"/subject/ns/{self._naming.namespace}/sa/{content.service_account}",
        )

    def _mounted(
        self,
        name: pulumi.Output[str],
        content: SecretContent,
        versions: Sequence[secretmanager.SecretVersion],
        opts: pulumi.ResourceOptions,
    ) -> apiextensions.CustomResource:
        """What the volume holds: these versions. With another content it is another."""
        files = [
            {"resourceName": version.name, "path": file.path}
            for file, version in zip(content.files, versions, strict=True)
        ]
        return apiextensions.CustomResource(
            f"{dns_label(content.program)}-secrets",
            api_version="secrets-store.csi.x-k8s.io/v1",
            kind="SecretProviderClass",
            metadata=meta.v1.ObjectMetaArgs(
                name=name,
                namespace=self._naming.namespace,
                labels=self._naming.labels(content.program),
            ),
            spec={"provider": _PROVIDER, "parameters": {"secrets": pulumi.Output.json_dumps(files)}},
            opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[*versions])),
        )
