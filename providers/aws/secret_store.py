"""Keeps secret files in Secrets Manager: a secret for each program, which only its pods may read."""

from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_aws import kms, secretsmanager
from pulumi_kubernetes import core, meta

from components.base import WorkloadIdentity
from providers.aws.iam import Statement, allow, use_of_key
from providers.aws.identity import PodIdentities, pod_role
from providers.aws.keys import key
from providers.aws.scope import Scope
from providers.kubernetes.naming import Naming, dns_label
from providers.kubernetes.secret_store import VOLUME, Kept, NamespaceSecrets, SecretContent

_COMPONENT = "secrets"
_LARGEST = 65536
"""Bytes that Secrets Manager keeps as one secret."""


class SecretsManager(pulumi.ComponentResource):
    """Files reach pods as a volume of the Secrets Store CSI driver, whose AWS provider reads them as the
    pod's own role. Variables of the environment are a Secret of the namespace, which EKS encrypts by a key
    of the stack's: the driver as an add-on of EKS does not make Secrets."""

    def __init__(
        self,
        name: str,
        identities: PodIdentities,
        naming: Naming,
        scope: Scope,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("nebula:aws:SecretsManager", name, {}, opts)
        self._identities, self._naming, self._scope = identities, naming, scope
        self._environment = NamespaceSecrets(naming)
        self._key: kms.Key = key(_COMPONENT, "secret files of programs", scope, self)
        self.register_outputs({"key": self._key.arn})

    def keep(self, content: SecretContent, opts: pulumi.ResourceOptions) -> Kept:
        if not content.files:
            return self._environment.keep(content, opts)
        parent = opts.parent
        if parent is None:
            raise ValueError(f"{content.program}: a secret belongs to a component, and has no parent")
        name = f"{dns_label(content.program)}-files"
        secret = secretsmanager.Secret(
            name,
            description=f"Secret files of {content.program}, Nebula {self._scope.stack}",
            kms_key_id=self._key.arn,
            recovery_window_in_days=30 if self._scope.protected else 0,
            tags=self._scope.tags.of(_COMPONENT),
            opts=self._scope.options(parent),
        )
        texts = {file.key: file.content for file in content.files}
        version = secretsmanager.SecretVersion(
            name,
            secret_id=secret.arn,
            secret_string=_secret(
                pulumi.Output.json_dumps(texts).apply(lambda text: _fitting(content.program, text))
            ),
            opts=self._scope.options(parent),
        )
        permissions = self._permit(name, content, secret.arn, parent)
        # One name for one content: a pod that restarts meanwhile finds its own.
        known_as = content.digest.apply(lambda digest: f"{name}-{digest}")
        objects = _objects(content, secret.arn, version.version_id)
        provided = self._provided(name, known_as, content.program, objects, opts)
        environment = self._environment.keep(_without_files(content), opts) if content.env else Kept()
        attributes = {"secretProviderClass": known_as}
        return Kept(
            volume=core.v1.VolumeArgs(
                name=VOLUME,
                csi=core.v1.CSIVolumeSourceArgs(
                    driver="secrets-store.csi.k8s.io", read_only=True, volume_attributes=attributes
                ),
            ),
            env=environment.env,
            depends_on=(version, provided, *permissions, *environment.depends_on),
        )

    def _permit(
        self, name: str, content: SecretContent, arn: pulumi.Output[str], parent: pulumi.Resource
    ) -> Sequence[pulumi.Resource]:
        """Let the program's role read its secret: the role of its links, or one made for this alone."""
        statements = [
            Statement(
                actions=("secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"), resources=(arn,)
            ),
            use_of_key(self._key.arn, write=False),
        ]
        if content.identity is not None:
            role_arn = pulumi.Output.from_input(content.identity.role)
            role_name = role_arn.apply(lambda known: known.rpartition("/")[2])
            return [allow(name, role_name, statements, self._scope, parent)]
        role, permissions = pod_role(
            name,
            _COMPONENT,
            f"Reads the secret files of {content.program}",
            statements,
            self._naming.namespace,
            self._scope,
            parent,
        )
        return [*permissions, self._associate(content, role, parent)]

    def _associate(
        self, content: SecretContent, role: WorkloadIdentity, parent: pulumi.Resource
    ) -> pulumi.Resource:
        return self._identities.associate(content.service_account, self._naming.namespace, role, parent)

    def _provided(
        self,
        name: str,
        known_as: pulumi.Output[str],
        program: str,
        objects: pulumi.Output[str],
        opts: pulumi.ResourceOptions,
    ) -> pulumi.Resource:
        parameters = {
            "usePodIdentity": "true",
            "region": self._scope.region.name,
            # A path stays a path: a folder for each replica.
            "pathTranslation": "False",
            "objects": objects,
        }
        return kubernetes.apiextensions.CustomResource(
            name,
            api_version="secrets-store.csi.x-k8s.io/v1",
            kind="SecretProviderClass",
            metadata=meta.v1.ObjectMetaArgs(
                name=known_as, namespace=self._naming.namespace, labels=self._naming.labels(program)
            ),
            spec={"provider": "aws", "parameters": parameters},
            opts=opts,
        )


def _objects(
    content: SecretContent, arn: pulumi.Output[str], version: pulumi.Output[str]
) -> pulumi.Output[str]:
    """What the driver mounts: each file at its path, of this version. (The secret as a whole is a file
    too, which no container mounts.)"""
    # Quoted, as keys have dots.
    files = [{"path": f'"{file.key}"', "objectAlias": file.path} for file in content.files]
    secret = {
        "objectName": arn,
        "objectType": "secretsmanager",
        "objectVersion": version,
        "jmesPath": files,
    }
    return pulumi.Output.json_dumps([secret])


def _secret(text: pulumi.Output[str]) -> pulumi.Output[str]:
    return pulumi.Output.secret(text)


def _without_files(content: SecretContent) -> SecretContent:
    return SecretContent(
        program=content.program,
        files=(),
        env=content.env,
        digest=content.digest,
        identity=content.identity,
    )


def _fitting(program: str, text: str) -> str:
    if (size := len(text.encode())) > _LARGEST:
        raise ValueError(
            f"{program}: its secret files are {size} bytes, and Secrets Manager keeps {_LARGEST}: move what "
            "is not secret to its plain files"
        )
    return text
