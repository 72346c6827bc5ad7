"""Encryption, at rest and in transit."""

import pytest

from policy.pack.model import UNKNOWN
from tests.policy.pack.case import Case, ids, resource

RDS, PARAMETERS = "aws:rds/instance:Instance", "aws:rds/parameterGroup:ParameterGroup"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
SQL, GCS = "gcp:sql/databaseInstance:DatabaseInstance", "gcp:storage/bucket:Bucket"
CLASS, INGRESS = "kubernetes:storage.k8s.io/v1:StorageClass", "kubernetes:networking.k8s.io/v1:Ingress"
TEMPLATE, LISTENER = "aws:ec2/launchTemplate:LaunchTemplate", "aws:lb/listener:Listener"
_REST, _TRANSIT = "encryption-at-rest", "tls-in-transit"


def _rules(algorithm: str) -> dict[str, object]:
    return {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": algorithm}}]}


def _forced(value: str) -> dict[str, object]:
    return {"family": "postgres18", "parameters": [{"name": "rds.force_ssl", "value": value}]}


def _disks(second: dict[str, object]) -> dict[str, object]:
    return {"rootBlockDevice": {"encrypted": True}, "ebsBlockDevices": [{"deviceName": "b", **second}]}


def _broker(protocol: str) -> dict[str, object]:
    return {"encryptionInfo": {"encryptionInTransit": {"clientBroker": protocol}}}


def _redirect(protocol: str) -> dict[str, object]:
    return {"protocol": "HTTP", "defaultActions": [{"type": "redirect", "redirect": {"protocol": protocol}}]}


MACHINE, _CLASSIC = "aws:ec2/instance:Instance", "aws:elb/loadBalancer:LoadBalancer"
SEARCH = "aws:opensearch/domain:Domain"
FLAGS = [
    Case(_REST, "a search domain in clear", (resource(SEARCH, {"encryptAtRest": {"enabled": False}}),), 1),
    Case(_REST, "a search domain", (resource(SEARCH, {"encryptAtRest": {"enabled": True}}),)),
    Case(_REST, "a flag of 0", (resource(RDS, {"storageEncrypted": 0}),), 1),
    Case(_REST, "an empty flag", (resource("aws:ebs/volume:Volume", {"encrypted": ""}),), 1),
    Case(_REST, "a replica", (resource(RDS, {"replicateSourceDb": "lake"}),)),
    Case(
        _REST,
        "a replica in clear",
        (resource(RDS, {"replicateSourceDb": "a", "storageEncrypted": False}),),
        1,
    ),
]
CASES = [
    *FLAGS,
    Case(_REST, "RDS in clear", (resource(RDS),), 1),
    Case(_REST, "RDS", (resource(RDS, {"storageEncrypted": True}),)),
    Case(_REST, "a graph in clear", (resource("aws:neptune/cluster:Cluster"),), 1),
    Case(
        _REST, "a warehouse in clear", (resource("aws:redshift/cluster:Cluster", {"encrypted": "false"}),), 1
    ),
    Case(_REST, "a second disk in clear", (resource(MACHINE, _disks({"encrypted": False})),), 1),
    Case(_REST, "a second disk that does not say", (resource(MACHINE, _disks({})),), 1),
    Case(_REST, "two disks", (resource(MACHINE, _disks({"encrypted": True})),)),
    Case(_REST, "a machine's disk without a key", (resource("gcp:compute/instance:Instance"),), 1),
    Case(_REST, "a warehouse without a key", (resource("gcp:bigquery/dataset:Dataset"),), 1),
    Case(_REST, "the provider's key", (resource(ENCRYPTION, _rules("AES256")),), 1),
    Case(_REST, "a key of ours", (resource(ENCRYPTION, _rules("aws:kms")),)),
    Case(_REST, "a disk in clear", (resource(TEMPLATE, {"blockDeviceMappings": [{"ebs": {}}]}),), 1),
    Case(_REST, "a disk", (resource(TEMPLATE, {"blockDeviceMappings": [{"ebs": {"encrypted": "true"}}]}),)),
    Case(_REST, "EKS without a key", (resource("aws:eks/cluster:Cluster"),), 1),
    Case(_REST, "GCS without a key", (resource(GCS),), 1),
    Case(_REST, "GCS", (resource(GCS, {"encryption": {"defaultKmsKeyName": UNKNOWN}}),)),
    Case(_REST, "Cloud SQL without a key", (resource(SQL),), 1),
    Case(_REST, "Cloud SQL", (resource(SQL, {"encryptionKeyName": "projects/p/key"}),)),
    Case(_REST, "volumes of Google's", (resource(CLASS, {"provisioner": "pd.csi.storage.gke.io"}),), 1),
    Case(
        _REST,
        "volumes of Google's by a key",
        (
            resource(
                CLASS,
                {
                    "provisioner": "pd.csi.storage.gke.io",
                    "parameters": {"disk-encryption-kms-key": UNKNOWN},
                },
            ),
        ),
    ),
    Case(_REST, "volumes of another", (resource(CLASS, {"provisioner": "rancher.io/local-path"}),)),
    Case(_REST, "volumes in clear", (resource(CLASS, {"provisioner": "ebs.csi.aws.com"}),), 1),
    Case(
        _REST,
        "volumes",
        (resource(CLASS, {"provisioner": "ebs.csi.aws.com", "parameters": {"encrypted": "true"}}),),
    ),
    Case(_TRANSIT, "Postgres may be clear text", (resource(PARAMETERS, _forced("0")),), 1),
    Case(_TRANSIT, "Postgres says nothing", (resource(PARAMETERS, {"family": "postgres18"}),), 1),
    Case(_TRANSIT, "Postgres over TLS", (resource(PARAMETERS, _forced("1")),)),
    Case(_TRANSIT, "MySQL says nothing", (resource(PARAMETERS, {"family": "mysql8.4"}),), 1),
    Case(_TRANSIT, "another database", (resource(PARAMETERS, {"family": "oracle-ee-19"}),)),
    Case(
        _TRANSIT, "Kafka may be clear text", (resource("aws:msk/cluster:Cluster", _broker("PLAINTEXT")),), 1
    ),
    Case(_TRANSIT, "Kafka over TLS", (resource("aws:msk/cluster:Cluster", _broker("TLS")),)),
    Case(_TRANSIT, "an old load balancer", (resource(_CLASSIC, {"listeners": [{"lbProtocol": "http"}]}),), 1),
    Case(_TRANSIT, "a listener", (resource(LISTENER, {"protocol": "HTTP"}),), 1),
    Case(_TRANSIT, "a listener in lower case", (resource(LISTENER, {"protocol": "http"}),), 1),
    Case(_TRANSIT, "a listener that redirects", (resource(LISTENER, _redirect("HTTPS")),)),
    Case(_TRANSIT, "one that redirects to clear text", (resource(LISTENER, _redirect("HTTP")),), 1),
    Case(_TRANSIT, "Cloud SQL says nothing", (resource(SQL),), 1),
    Case(
        _TRANSIT,
        "Cloud SQL over TLS",
        (resource(SQL, {"settings": {"ipConfiguration": {"sslMode": "ENCRYPTED_ONLY"}}}),),
    ),
    Case(_TRANSIT, "an ingress", (resource(INGRESS, {"spec": {"rules": []}}),), 1),
    Case(_TRANSIT, "an ingress over TLS", (resource(INGRESS, {"spec": {"tls": [{"hosts": ["a"]}]}}),)),
]


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_nothing_is_in_clear(case: Case) -> None:
    assert len(case.messages()) == case.violations
