"""The settings of the cloud and the cluster that a stack runs on."""

from collections.abc import Collection, Mapping
from ipaddress import IPv4Network, ip_network
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from infra.external_settings import Certificates
from infra.model import HOST, LabelName, Model, ObjectName, Port, QualifiedName, problem, with_port
from providers.aws.region import Region
from providers.limits import LIMITS


def _cidr(text: str) -> str:
    try:
        ip_network(text, strict=False)
    except ValueError as error:
        raise ValueError(f"{text} is no network: {error}; write it as 203.0.113.0/24") from None
    return text


Cidr = Annotated[str, StringConstraints(pattern=r"^[0-9a-f.:]+/[0-9]{1,3}$"), AfterValidator(_cidr)]


def check_sections(cloud: str, written: Collection[str]) -> None:
    """Raises PydanticCustomError for the first of the sections `written` that `cloud` does not read: its
    settings would be dropped without a word."""
    of_some_clouds = frozenset[str]().union(*(limits.sections for limits in LIMITS.values()))
    for section in sorted(of_some_clouds & set(written) - LIMITS[cloud].sections):
        clouds = " and ".join(name for name, limits in LIMITS.items() if section in limits.sections)
        raise problem((section,), f"is for cloud {clouds}, and this stack is on {cloud}: remove it")


# A registry, and names below it: as Docker reads the name of an image.
MirrorName = Annotated[
    str,
    StringConstraints(
        pattern=rf"^{HOST}(:[1-9][0-9]{{0,4}})?(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$", max_length=200
    ),
    AfterValidator(with_port),
]


class ImageSettings(Model):
    """Says which registries container images come from."""

    mirror: MirrorName | None = Field(
        default=None, description="a registry and path that holds all images: `make images` lists them"
    )
    pull_secrets: list[ObjectName] = Field(default_factory=list, description="Secrets of the namespace")
    build: bool = Field(
        default=False, description="build images of ours with Docker, and push them to the mirror"
    )

    @model_validator(mode="after")
    def _pushed_somewhere(self) -> Self:
        if self.build and self.mirror is None:
            raise ValueError("build needs mirror, the registry and path that images are pushed to")
        return self


class NamespaceSettings(Model):
    name: LabelName | None = Field(default=None, description="nebula-<stack> if not given")
    create: bool = Field(default=True, description="false: it exists, and stays")


class GatewaySettings(Model):
    """A Gateway of the cluster, with an HTTPS listener for the host names in `expose`."""

    name: ObjectName
    namespace: LabelName


class LoadBalancerSettings(Model):
    """Services of type LoadBalancer; a TLS proxy of the platform stands behind each."""

    tls_secret: ObjectName = Field(
        description="a Secret (kubernetes.io/tls) of the namespace: a certificate for all names in `expose`"
    )
    load_balancer_class: QualifiedName | None = Field(
        default=None, description="the cluster's default if not given"
    )
    annotations: dict[QualifiedName, str] = Field(
        default_factory=dict, description="of the Services, as the site's controller reads them"
    )
    source_ranges: list[Cidr] = Field(
        default_factory=list, description="who may connect (CIDR), where the controller heeds it"
    )


def _kubeconfig(path: str) -> str:
    """Returns `path`. Raises ValueError for a relative one: the program and the commands run
    in different directories."""
    if not path.startswith(("/", "~/")):
        raise ValueError("must be an absolute path: write it from / on")
    return path


KubeconfigPath = Annotated[str, AfterValidator(_kubeconfig)]


class KubernetesSettings(Model):
    """The cluster, and how the platform uses it."""

    context: str | None = Field(default=None, description="of the kubeconfig; the current one if not given")
    kubeconfig: KubeconfigPath | None = Field(
        default=None, description="an absolute path; KUBECONFIG or ~/.kube/config if not given"
    )
    namespace: NamespaceSettings = Field(default_factory=NamespaceSettings)
    storage_class: ObjectName | None = Field(default=None, description="the cluster's default if not given")
    images: ImageSettings = Field(default_factory=ImageSettings)
    cpu_requests: float = Field(default=1.0, gt=0, le=1, description="part of their cores that pods request")
    spread: Literal["preferred", "required"] = Field(
        default="preferred", description="replicas on nodes of their own"
    )
    gateway: GatewaySettings | None = None
    load_balancer: LoadBalancerSettings | None = None
    api_ports: list[Port] = Field(
        default_factory=lambda: [443, 6443],
        min_length=1,
        description="where the API server listens, which Spark's driver must reach through the policies",
    )

    def balanced(self, exposed: Mapping[str, str]) -> list[str]:
        """Returns the exposed components that are reached by a load balancer."""
        if self.load_balancer is None:
            return []
        return [name for name in exposed if self.gateway is None or name == "kafka"]

    def require(self, exposed: Mapping[str, str]) -> None:
        """Raises ValueError if the exposed components cannot be reached with these settings."""
        if exposed and self.gateway is None and self.load_balancer is None:
            raise ValueError(
                "expose needs kubernetes.gateway, the Gateway that its routes belong to, or "
                "kubernetes.load_balancer"
            )
        if "kafka" in exposed and self.load_balancer is None:
            raise ValueError("expose.kafka needs kubernetes.load_balancer: a Gateway's routes are HTTP alone")
        if len(set(exposed.values())) < len(exposed):
            raise ValueError("expose: each component needs a host name of its own")


def network_of(text: str) -> IPv4Network:
    try:
        return IPv4Network(text)
    except ValueError as error:
        raise ValueError(f"{text} is not an IPv4 network: {error}; write it as 10.0.0.0/16") from None


def _site(text: str) -> str:
    """Returns the network `text`. Raises ValueError for one that contains every address."""
    if network_of(text).prefixlen == 0:
        raise ValueError("opens the API server to the whole internet: name the networks that need it")
    return text


def _private(text: str) -> str:
    network = network_of(text)
    if not network.is_private or not 16 <= network.prefixlen <= 20:
        raise ValueError(f"{text} is not a private network of /16 to /20")
    return text


Site = Annotated[str, AfterValidator(_site)]
PrivateNetwork = Annotated[str, AfterValidator(_private)]
PrincipalArn = Annotated[
    str, StringConstraints(pattern=r"^arn:aws(-cn|-us-gov)?:iam::[0-9]{12}:(role|user)/[\w+=,.@/-]+$")
]


class AwsPostgresSettings(Model):
    """Postgres on RDS."""

    version: Literal["17", "18"] = Field(default="18", description="major; minor ones come by themselves")
    tls: Literal["required", "verify-full"] = "verify-full"
    ca: Certificates | None = Field(
        default=None, description="the root of RDS in the region, PEM, where it is not known here"
    )


class AwsSettings(Model):
    """The account and region; the AWS SDK's own environment has the login."""

    account_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")] = Field(
        description="the only account that the stack may touch"
    )
    region: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]
    zones: list[Annotated[str, StringConstraints(pattern=r"^[a-z]$")]] = Field(
        default_factory=lambda: ["a", "b", "c"],
        min_length=2,
        max_length=3,
        description="letters of availability zones, for regions that lack one of a, b and c",
    )
    network: PrivateNetwork = Field(default="10.0.0.0/16", description="the VPC's addresses, /16 to /20")
    nat: Literal["none", "one", "per-zone"] | None = Field(
        default=None, description="NAT gateways; what the size says if not given"
    )
    api_access: list[Site] = Field(
        min_length=1,
        description="networks from which the cluster's API is reached: private ones through the VPC",
    )
    admins: list[PrincipalArn] = Field(
        min_length=1, description="who administers the cluster: whoever runs pulumi among them"
    )
    kubernetes_version: Annotated[str, StringConstraints(pattern=r"^1\.[0-9]{2}$")] = "1.35"
    postgres: AwsPostgresSettings = Field(default_factory=AwsPostgresSettings)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for key, given in (("zones", self.zones), ("api_access", self.api_access), ("admins", self.admins)):
            if twice := sorted({value for value in given if given.count(value) > 1}):
                raise ValueError(f"{key}: {', '.join(twice)} is there twice")
        return self

    def registry(self, stack: str) -> str:
        """Returns the path of the stack's images in the account's registry."""
        return f"{Region(self.region).registry(self.account_id)}/nebula-{stack}"
