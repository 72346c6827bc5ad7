"""Stands in for Google's provider: of each resource it returns what Google makes up, under the names that
the SDK documents, and nothing that it was given. What Google makes up only when the resource is there is
unknown in a preview; names are not, as the provider makes them."""

from collections.abc import Mapping
from typing import Any

from pulumi.runtime import mocks, rpc

from tests.mocked_program import Kubernetes, Registration

NUMBER = "123456789012"

NAMED = {
    "gcp:artifactregistry/repository:Repository",
    "gcp:compute/globalAddress:GlobalAddress",
    "gcp:compute/router:Router",
    "gcp:dns/managedZone:ManagedZone",
    "gcp:sql/databaseInstance:DatabaseInstance",
    "gcp:storage/bucket:Bucket",
}
"""Types whose own name the program reads again."""


LABELLED: Mapping[str, tuple[str, ...]] = {
    "gcp:artifactregistry/repository:Repository": ("labels",),
    "gcp:compute/globalAddress:GlobalAddress": ("labels",),
    "gcp:container/cluster:Cluster": ("resourceLabels",),
    "gcp:container/nodePool:NodePool": ("nodeConfig", "resourceLabels"),
    "gcp:dns/managedZone:ManagedZone": ("labels",),
    "gcp:kms/cryptoKey:CryptoKey": ("labels",),
    "gcp:secretmanager/secret:Secret": ("labels",),
    "gcp:sql/databaseInstance:DatabaseInstance": ("settings", "userLabels"),
    "gcp:storage/bucket:Bucket": ("labels",),
}
"""Where a type has its labels; those of the others have none."""


def labels_of(resource: Registration) -> Mapping[str, str] | None:
    """None for a type that can carry none."""
    if (path := LABELLED.get(resource.type)) is None:
        return None
    found: Any = resource.inputs
    for part in path:
        found = found.get(part) or {}
    return dict(found)


def made_up(token: str, name: str) -> Mapping[str, Any]:
    """What Google adds to a resource that is there."""
    account = f"{name}-0000000@my-project.iam.gserviceaccount.com"
    match token:
        case "gcp:container/cluster:Cluster":
            return {"endpoint": "10.64.48.2", "masterAuth": {"clusterCaCertificate": "Y2EtY2VydGlmaWNhdGU="}}
        case "gcp:projects/serviceIdentity:ServiceIdentity":
            agent = f"service-{NUMBER}@gcp-sa-{name}.iam.gserviceaccount.com"
            return {"email": agent, "member": f"serviceAccount:{agent}"}
        case "gcp:secretmanager/secretVersion:SecretVersion":
            return {"name": f"projects/{NUMBER}/secrets/{name}-0000000/versions/1", "version": "1"}
        case "gcp:serviceaccount/account:Account":
            return {"email": account, "member": f"serviceAccount:{account}"}
        case "gcp:sql/databaseInstance:DatabaseInstance":
            return {
                "privateIpAddress": "10.64.32.3",
                "dnsNames": [
                    {"name": "db.example.", "connectionType": "PUBLIC", "dnsScope": "INSTANCE"},
                    {
                        "name": "1a2b.3c4d.europe-west3.sql-psa.goog.",
                        "connectionType": "PRIVATE_SERVICES_ACCESS",
                        "dnsScope": "INSTANCE",
                    },
                ],
                "serverCaCerts": [{"cert": "certificate of now"}, {"cert": "certificate of next\n"}],
            }
    return {}


class Gcp(mocks.Mocks):
    """Google's provider, and Kubernetes's beside it."""

    def __init__(self, preview: bool) -> None:
        self._preview = preview
        self._others = Kubernetes(preview)

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        if not args.typ.startswith("gcp:"):
            return self._others.new_resource(args)
        outputs: dict[str, Any] = dict(made_up(args.typ, args.name))
        if self._preview:
            outputs = dict.fromkeys(outputs, rpc.UNKNOWN)
        if args.typ in NAMED:
            outputs["name"] = f"{args.name}-0000000"
        return "" if self._preview else f"{args.name}-id", outputs

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        match args.token:
            case "gcp:organizations/getProject:getProject":
                return {"number": NUMBER}, []
            case "gcp:storage/getProjectServiceAccount:getProjectServiceAccount":
                agent = f"service-{NUMBER}@gs-project-accounts.iam.gserviceaccount.com"
                return {"emailAddress": agent, "member": f"serviceAccount:{agent}"}, []
        raise AssertionError(f"the program calls {args.token}, which nothing mocks")
