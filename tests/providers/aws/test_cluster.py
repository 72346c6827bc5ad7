"""EKS: who reaches it, who administers it, and what it is when parked."""

import json

import pytest

from tests.providers.aws.mocked import ACCOUNT
from tests.providers.aws.parts import cluster


@pytest.mark.parametrize("cidr", ["10.1.0.0/16", "172.16.0.0/12", "192.168.1.0/24", "100.64.0.0/16"])
def test_private_network_reaches_the_api_through_the_vpc_alone(cidr: str) -> None:
    made = cluster(api_access=(cidr,))
    (control_plane,) = made.of_type("aws:eks/cluster:Cluster").values()
    assert control_plane.inputs["vpcConfig"]["endpointPublicAccess"] is False
    assert control_plane.inputs["vpcConfig"]["endpointPrivateAccess"] is True
    (rule,) = made.of_type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule").values()
    assert (rule.inputs["cidrIpv4"], rule.inputs["fromPort"], rule.inputs["toPort"]) == (cidr, 443, 443)


def test_public_network_reaches_an_endpoint_that_is_open_to_it_alone() -> None:
    made = cluster(api_access=("8.8.8.0/24",))
    (control_plane,) = made.of_type("aws:eks/cluster:Cluster").values()
    assert control_plane.inputs["vpcConfig"]["publicAccessCidrs"] == ["8.8.8.0/24"]
    assert not made.of_type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")


def test_who_made_the_cluster_is_no_administrator_unless_named() -> None:
    admins = tuple(f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("deployer", "on-call"))
    made = cluster(admins=admins)
    (control_plane,) = made.of_type("aws:eks/cluster:Cluster").values()
    assert control_plane.inputs["accessConfig"]["bootstrapClusterCreatorAdminPermissions"] is False
    entries = made.of_type("aws:eks/accessEntry:AccessEntry").values()
    assert {entry.inputs["principalArn"] for entry in entries} == set(admins)


def test_kubeconfig_holds_no_credential() -> None:
    (provider,) = cluster().of_type("pulumi:providers:kubernetes").values()
    config = json.loads(provider.inputs["kubeconfig"])
    (user,) = config["users"]
    assert set(user["user"]) == {"exec"}
    assert user["user"]["exec"]["args"][-1] == "nebula-parts"


def test_parked_keeps_the_node_groups_without_nodes() -> None:
    groups = cluster(parked=True).of_type("aws:eks/nodeGroup:NodeGroup")
    assert set(groups) == {"cluster-nodes-servers", "cluster-nodes-workers"}
    for group in groups.values():
        scaling = group.inputs["scalingConfig"]
        assert (scaling["desiredSize"], scaling["minSize"]) == (0, 0)
        assert scaling["maxSize"] >= 1


def test_volumes_are_encrypted_by_the_stacks_key_and_carry_its_tags() -> None:
    (found,) = cluster().of_type("kubernetes:storage.k8s.io/v1:StorageClass").values()
    parameters = found.inputs["parameters"]
    assert parameters["encrypted"] == "true"
    assert parameters["kmsKeyId"].startswith("arn:aws:kms:")
    assert {"project=nebula", "stack=parts"} <= set(parameters.values())
