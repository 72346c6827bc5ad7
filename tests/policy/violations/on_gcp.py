"""What violates a rule on Google Cloud."""

import json
from typing import Any

import pulumi
import pulumi_gcp

from tests.policy.violations import Violations

gcp: Any = pulumi_gcp
"""Untyped: mypy follows what the program uses of an SDK, and these are the other types."""


def _data(role: str, member: str) -> str:
    return json.dumps({"bindings": [{"role": role, "members": [member]}]})


def _unknown_member(name: str, opts: pulumi.ResourceOptions) -> None:
    account = gcp.serviceaccount.Account(f"{name}-account", opts=opts)
    gcp.pubsub.TopicIAMMember(name, topic="a", role="roles/pubsub.viewer", member=account.member, opts=opts)


def _machine(name: str, opts: pulumi.ResourceOptions, **networks: object) -> object:
    return gcp.compute.Instance(
        name,
        machine_type="e2-small",
        zone="europe-west1-b",
        boot_disk=gcp.compute.InstanceBootDiskArgs(),
        network_interfaces=[*networks.values()],
        opts=opts,
    )


ON_GCP: Violations = {
    "no-wildcard-iam": [
        lambda n, o: gcp.projects.IAMMember(
            n, project="p", role="roles/editor", member="user:a@b.example", opts=o
        ),
        lambda n, o: gcp.projects.IAMPolicy(
            n, project="p", policy_data=_data("roles/owner", "user:a@b.example"), opts=o
        ),
    ],
    "no-public-grant": [
        lambda n, o: gcp.pubsub.TopicIAMMember(n, topic="a", role="a", member="allUsers", opts=o),
        lambda n, o: gcp.secretmanager.SecretIamBinding(
            n, secret_id="a", role="a", members=["user:a@b.example", "allAuthenticatedUsers"], opts=o
        ),
        lambda n, o: gcp.kms.CryptoKeyIAMPolicy(
            n, crypto_key_id="a", policy_data=_data("roles/viewer", "allUsers"), opts=o
        ),
        lambda n, o: gcp.bigquery.DatasetAccess(
            n, dataset_id="a", role="READER", special_group="allAuthenticatedUsers", opts=o
        ),
        lambda n, o: gcp.artifactregistry.RepositoryIamMember(
            n, repository="a", role="roles/artifactregistry.reader", member="allUsers", opts=o
        ),
    ],
    "no-public-bucket": [
        lambda n, o: gcp.storage.Bucket(n, location="europe-west1", opts=o),
        lambda n, o: gcp.storage.BucketIAMMember(n, bucket="a", role="a", member="allUsers", opts=o),
        lambda n, o: gcp.storage.BucketACL(n, bucket="a", predefined_acl="publicRead", opts=o),
        lambda n, o: gcp.storage.BucketACL(n, bucket="a", role_entities=["READER:allUsers"], opts=o),
    ],
    "no-open-ingress": [
        lambda n, o: gcp.compute.Firewall(
            n,
            network="a",
            allows=[gcp.compute.FirewallAllowArgs(protocol="tcp")],
            source_ranges=["0.0.0.0/0"],
            opts=o,
        ),
        lambda n, o: gcp.compute.Firewall(
            n, network="a", allows=[gcp.compute.FirewallAllowArgs(protocol="tcp")], opts=o
        ),
        lambda n, o: gcp.container.Cluster(
            n,
            location="europe-west1",
            private_cluster_config=gcp.container.ClusterPrivateClusterConfigArgs(enable_private_nodes=True),
            opts=o,
        ),
        lambda n, o: _machine(
            n,
            o,
            network=gcp.compute.InstanceNetworkInterfaceArgs(
                access_configs=[gcp.compute.InstanceNetworkInterfaceAccessConfigArgs()]
            ),
        ),
    ],
    "no-public-load-balancer": [lambda n, o: gcp.compute.GlobalForwardingRule(n, target="a", opts=o)],
    "no-public-database": [lambda n, o: gcp.sql.DatabaseInstance(n, database_version="POSTGRES_18", opts=o)],
    "encryption-at-rest": [
        lambda n, o: gcp.compute.Disk(n, zone="europe-west1-b", opts=o),
        lambda n, o: _machine(n, o),
    ],
    "no-clear-text-proxy": [lambda n, o: gcp.compute.TargetHttpProxy(n, url_map="a", opts=o)],
    "no-static-cloud-keys": [lambda n, o: gcp.serviceaccount.Key(n, service_account_id="a", opts=o)],
    "no-secret-in-clear": [
        lambda n, o: gcp.cloudrunv2.Service(
            n,
            location="europe-west1",
            template=gcp.cloudrunv2.ServiceTemplateArgs(
                containers=[
                    gcp.cloudrunv2.ServiceTemplateContainerArgs(
                        image="a:1",
                        envs=[gcp.cloudrunv2.ServiceTemplateContainerEnvArgs(name="TOKEN", value="abc")],
                    )
                ]
            ),
            opts=o,
        )
    ],
    "judgeable": [_unknown_member],
}
