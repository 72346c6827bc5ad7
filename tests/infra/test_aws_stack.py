"""The stacks of AWS against Pulumi's mocks: URNs, identities, encryption, edges, protection."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.infra.aws_stack import run
from tests.mocked_program import Registration, Run
from tests.providers.sdk import properties

STACKS = ("aws-dev", "aws-prod")
_HERE = Path(__file__).parent


def _snapshot(stack: str) -> Path:
    return _HERE / f"{stack.replace('-', '_')}_urns.txt"


@pytest.fixture(scope="module")
def dev() -> Run:
    return run("aws-dev")


@pytest.fixture(scope="module")
def prod() -> Run:
    return run("aws-prod")


@pytest.fixture(scope="module", params=STACKS)
def either(request: pytest.FixtureRequest, dev: Run, prod: Run) -> tuple[str, Run]:
    return request.param, dev if request.param == "aws-dev" else prod


def _of(registered: Run, token: str) -> list[Registration]:
    found = list(registered.of_type(token).values())
    assert found, f"no {token} among the resources: misspelt?"
    return found


def _statements(registered: Run) -> list[tuple[str, dict[str, Any]]]:
    """Every statement of every policy document, and the resource that has it."""
    keys = ("policy", "assumeRolePolicy")
    return [
        (resource.urn, statement)
        for resource in registered.resources.values()
        for key in keys
        if resource.type.startswith("aws:") and isinstance(resource.inputs.get(key), str)
        for statement in json.loads(resource.inputs[key])["Statement"]
    ]


def test_urns_are_those_of_the_snapshot(either: tuple[str, Run]) -> None:
    """URNs are public API: a changed one replaces what holds data. Renew with `make snapshot`."""
    stack, registered = either
    assert sorted(registered.resources) == _snapshot(stack).read_text().splitlines()


def test_every_type_is_one_that_the_sdk_knows(either: tuple[str, Run]) -> None:
    for resource in either[1].resources.values():
        if resource.type.startswith("aws:"):
            assert set(resource.inputs) <= properties(resource.type), resource.urn


def test_nothing_wild_is_allowed_on_everything(either: tuple[str, Run]) -> None:
    found = _statements(either[1])
    assert found
    for urn, statement in found:
        if statement["Effect"] == "Allow" and "*" in statement.get("Resource", ()):
            assert not [action for action in statement["Action"] if action.endswith("*")], urn


def test_a_role_of_a_pod_is_taken_on_by_this_stacks_pods_alone(prod: Run) -> None:
    pods = [
        statement for _, statement in _statements(prod) if "sts:TagSession" in statement.get("Action", ())
    ]
    ours = [s for s in pods if "Condition" in s]
    assert len(ours) > len(pods) / 2
    for statement in ours:
        assert statement["Condition"]["StringEquals"] == {
            "aws:RequestTag/eks-cluster-name": "nebula-aws-prod",
            "aws:RequestTag/kubernetes-namespace": "nebula-aws-prod",
        }


def test_a_service_reaches_exactly_the_buckets_of_its_grants(dev: Run) -> None:
    def reached(role: str) -> set[str]:
        policy = dev.of_type("aws:iam/rolePolicy:RolePolicy")[role].inputs["policy"]
        return {
            arn
            for statement in json.loads(policy)["Statement"]
            for arn in statement["Resource"]
            if arn.startswith("arn:aws:s3:::")
        }

    def bucket(*names: str) -> set[str]:
        arns = {f"arn:aws:s3:::object-store-{name}-0a1b2c3" for name in names}
        return arns | {f"{arn}/*" for arn in arns}

    assert reached("object_store-iceberg_catalog") == bucket("warehouse")
    assert reached("object_store-spark") == bucket("warehouse", "checkpoints", "bronze")
    assert reached("object_store-flights") == bucket("bronze", "warehouse")


def test_reading_is_not_writing(dev: Run) -> None:
    policy = dev.of_type("aws:iam/rolePolicy:RolePolicy")["object_store-spark"].inputs["policy"]
    for statement in json.loads(policy)["Statement"]:
        if any("bronze" in arn for arn in statement["Resource"]):
            assert "s3:PutObject" not in statement["Action"]


def test_no_static_key_exists(either: tuple[str, Run]) -> None:
    types = {resource.type for resource in either[1].resources.values()}
    assert not [token for token in types if "accessKey" in token or token.startswith("aws:iam/user")]


def test_name_of_a_bucket_is_one_that_s3_takes(either: tuple[str, Run]) -> None:
    """Pulumi makes it from the resource's, as it stands."""
    for bucket in _of(either[1], "aws:s3/bucket:Bucket"):
        assert re.fullmatch(r"[a-z0-9][a-z0-9-]+", bucket.name), bucket.urn


def test_every_bucket_is_encrypted_versioned_private_and_tls_only(either: tuple[str, Run]) -> None:
    registered = either[1]
    buckets = set(registered.of_type("aws:s3/bucket:Bucket"))
    assert buckets
    parts = {
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": "aws:kms",
        "aws:s3/bucketVersioning:BucketVersioning": "Enabled",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "true",
        "aws:s3/bucketPolicy:BucketPolicy": "aws:SecureTransport",
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": "unfinished-uploads",
    }
    for token, shown in parts.items():
        found = registered.of_type(token)
        assert set(found) == buckets
        assert all(shown in json.dumps(part.inputs) for part in found.values()), token


def test_postgres_is_private_encrypted_and_over_tls(either: tuple[str, Run]) -> None:
    (server,) = _of(either[1], "aws:rds/instance:Instance")
    assert server.inputs["storageEncrypted"] is True
    assert server.inputs["publiclyAccessible"] is False
    assert server.plain_inputs["password"] == "[secret]"
    (group,) = _of(either[1], "aws:rds/parameterGroup:ParameterGroup")
    parameters = {each["name"]: each["value"] for each in group.inputs["parameters"]}
    assert parameters["rds.force_ssl"] == "1"
    assert parameters["rds.logical_replication"] == "1"


def test_clients_of_postgres_verify_its_name(dev: Run) -> None:
    secret = json.loads(
        dev.of_type("aws:secretsmanager/secretVersion:SecretVersion")["postgres-databases-files"].inputs[
            "secretString"
        ]
    )
    assert any('"sslmode": "verify-full"' in text for text in secret.values())


def test_postgres_admits_the_cluster_alone(either: tuple[str, Run]) -> None:
    rule = either[1].of_type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")["postgres"]
    assert rule.inputs["referencedSecurityGroupId"] == "sg-0a1b2c3"
    assert "cidrIpv4" not in rule.inputs


_POWER = "aws:rds/instanceDesiredState:InstanceDesiredState"


def test_what_connects_to_postgres_waits_until_it_runs(either: tuple[str, Run]) -> None:
    registered = either[1]
    (power,) = _of(registered, _POWER)
    (server,) = _of(registered, "aws:rds/instance:Instance")
    assert power.inputs == {"identifier": server.inputs["identifier"], "state": "available"}
    assert server.urn in power.dependencies
    (filled,) = (
        each for each in registered.of_type("kubernetes:batch/v1:Job").values() if "postgres-d" in each.name
    )
    assert power.urn in filled.dependencies


def test_a_parked_stack_stops_postgres_and_has_nobody_wait_for_it() -> None:
    registered = run("aws-dev", {"power": "parked"})
    (power,) = _of(registered, _POWER)
    assert power.inputs["state"] == "stopped"
    assert not [each.urn for each in registered.resources.values() if power.urn in each.dependencies]


def test_nothing_is_admitted_from_the_whole_internet(either: tuple[str, Run]) -> None:
    for rule in _of(either[1], "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"):
        assert rule.inputs.get("cidrIpv4") != "0.0.0.0/0"
    (cluster,) = _of(either[1], "aws:eks/cluster:Cluster")
    assert "0.0.0.0/0" not in (cluster.inputs["vpcConfig"].get("publicAccessCidrs") or ())


def test_api_is_public_only_to_public_networks_that_are_named(dev: Run, prod: Run) -> None:
    (cluster,) = _of(dev, "aws:eks/cluster:Cluster")
    assert cluster.inputs["vpcConfig"]["publicAccessCidrs"] == ["203.0.113.10/32"]
    (cluster,) = _of(prod, "aws:eks/cluster:Cluster")
    assert cluster.inputs["vpcConfig"]["endpointPublicAccess"] is False
    rules = prod.of_type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    assert rules["cluster-api-10.200.0.0/16"].inputs["fromPort"] == 443


def test_nodes_hand_their_role_to_no_pod(either: tuple[str, Run]) -> None:
    for template in _of(either[1], "aws:ec2/launchTemplate:LaunchTemplate"):
        assert template.inputs["metadataOptions"]["httpTokens"] == "required"
        assert template.inputs["metadataOptions"]["httpPutResponseHopLimit"] == 1


def test_policies_are_enforced_by_the_network(either: tuple[str, Run]) -> None:
    addon = either[1].of_type("aws:eks/addon:Addon")["cluster-addons-vpc-cni"]
    assert json.loads(addon.inputs["configurationValues"])["enableNetworkPolicy"] == "true"


def test_spot_is_for_what_may_go(prod: Run) -> None:
    groups = prod.of_type("aws:eks/nodeGroup:NodeGroup")
    assert groups["cluster-nodes-servers"].inputs["capacityType"] == "ON_DEMAND"
    workers = groups["cluster-nodes-workers"].inputs
    assert workers["capacityType"] == "SPOT"
    assert len(workers["instanceTypes"]) > 1
    assert workers["taints"][0]["effect"] == "PREFER_NO_SCHEDULE"


_STATEFUL = (
    "aws:s3/bucket:Bucket",
    "aws:rds/instance:Instance",
    "aws:kms/key:Key",
    "aws:eks/cluster:Cluster",
)


def test_what_holds_data_is_protected_in_production_and_nowhere_else(dev: Run, prod: Run) -> None:
    for token in _STATEFUL:
        assert all(resource.protect for resource in _of(prod, token)), token
        assert not any(resource.protect for resource in _of(dev, token)), token
    (server,) = _of(prod, "aws:rds/instance:Instance")
    assert server.inputs["deletionProtection"] is True
    assert server.inputs["skipFinalSnapshot"] is False
    assert server.inputs["finalSnapshotIdentifier"] == "nebula-aws-prod-postgres-final-0a1b2c3d"
    assert not any(bucket.inputs["forceDestroy"] for bucket in _of(prod, "aws:s3/bucket:Bucket"))


def test_secret_files_are_read_by_pods_from_secrets_manager(dev: Run) -> None:
    secrets = dev.of_type("aws:secretsmanager/secretVersion:SecretVersion")
    classes = dev.of_type("kubernetes:secrets-store.csi.x-k8s.io/v1:SecretProviderClass")
    assert secrets
    assert set(secrets) == set(classes)
    for name, version in secrets.items():
        assert version.plain_inputs["secretString"] == "[secret]"
        (secret,) = json.loads(classes[name].inputs["spec"]["parameters"]["objects"])
        files = {entry["path"].strip('"') for entry in secret["jmesPath"]}
        assert files == set(json.loads(version.inputs["secretString"]))
    for secret in dev.of_type("kubernetes:core/v1:Secret").values():
        assert all(key.startswith("env.") for key in secret.inputs["data"]), secret.urn


def test_each_account_takes_on_one_role(either: tuple[str, Run]) -> None:
    found = _of(either[1], "aws:eks/podIdentityAssociation:PodIdentityAssociation")
    accounts = [association.inputs["serviceAccount"] for association in found]
    assert len(accounts) == len(set(accounts))


def test_every_image_comes_from_the_accounts_registry(dev: Run) -> None:
    repositories = {r.inputs["name"] for r in _of(dev, "aws:ecr/repository:Repository")}
    used = set()
    for resource in dev.resources.values():
        if resource.type.startswith(("kubernetes:apps/", "kubernetes:batch/")):
            pod = resource.inputs["spec"]["template"]["spec"]
            for container in (*pod["containers"], *(pod.get("initContainers") or ())):
                registry, _, rest = container["image"].partition("/")
                assert registry == "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
                used.add(rest.partition(":")[0])
    assert used
    assert used <= repositories


if __name__ == "__main__":  # make snapshot
    for _stack in STACKS:
        _snapshot(_stack).write_text("\n".join(sorted(run(_stack).resources)) + "\n")
