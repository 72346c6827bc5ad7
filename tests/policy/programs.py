"""Programs of the typed SDKs, run by the real engine: one that violates every rule, one that violates
none. The variable POLICY_PROGRAM names the function."""

import json
import os

import pulumi
import pulumi_aws as aws
import pulumi_gcp as gcp
import pulumi_kubernetes as kubernetes

from tests.policy import VARIABLE
from tests.policy.violations import register
from tests.policy.violations.in_cluster import IN_CLUSTER
from tests.policy.violations.on_aws import ON_AWS
from tests.policy.violations.on_gcp import ON_GCP

VIOLATIONS = {"aws": ON_AWS, "gcp": ON_GCP, "kubernetes": IN_CLUSTER}

TAGS = {"stack": "test", "component": "lake", "owner": "data", "cost-centre": "42", "ttl": "2030-01-01"}
_IMAGE = "registry.example/trino:1"


def run() -> None:
    """Run the program that is named, against explicit providers in the stack's regions."""
    wanted = os.environ[VARIABLE]
    ireland = pulumi.ResourceOptions(provider=aws.Provider("aws", region="eu-west-1"))
    belgium = pulumi.ResourceOptions(provider=gcp.Provider("gcp", project="p-123456", region="europe-west1"))
    cluster = pulumi.ResourceOptions(provider=kubernetes.Provider("cluster", kubeconfig="{}"))
    PROGRAMS[wanted](ireland, belgium, cluster)


def violating(
    on_aws: pulumi.ResourceOptions, on_gcp: pulumi.ResourceOptions, in_cluster: pulumi.ResourceOptions
) -> None:
    """Each resource violates the rule that is in its name."""
    options = {"aws": on_aws, "gcp": on_gcp, "kubernetes": in_cluster}
    for where, violations in VIOLATIONS.items():
        register(where, violations, options[where])


def compliant(
    on_aws: pulumi.ResourceOptions, on_gcp: pulumi.ResourceOptions, in_cluster: pulumi.ResourceOptions
) -> None:
    """The same, as the rules ask for it."""
    kept = pulumi.ResourceOptions.merge(on_aws, pulumi.ResourceOptions(protect=True))
    bucket = aws.s3.Bucket("lake", tags=TAGS, opts=kept)
    aws.s3.BucketPublicAccessBlock(
        "lake",
        bucket=bucket.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=on_aws,
    )
    by_kms = aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
        sse_algorithm="aws:kms"
    )
    aws.s3.BucketServerSideEncryptionConfiguration(
        "lake",
        bucket=bucket.id,
        rules=[
            aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                apply_server_side_encryption_by_default=by_kms
            )
        ],
        opts=on_aws,
    )
    only_tls = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": ["false"]}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [only_tls]})
    aws.s3.BucketPolicy("lake", bucket=bucket.id, policy=policy, opts=on_aws)
    tagged = aws.Provider(
        "tagged", region="eu-west-1", default_tags=aws.ProviderDefaultTagsArgs(tags={**TAGS, "Name": "a"})
    )
    aws.ec2.Vpc("tagged", cidr_block="10.0.0.0/16", opts=pulumi.ResourceOptions(provider=tagged))
    describing = _document(["ec2:Describe*", "elasticloadbalancing:Describe*"], "*")
    aws.iam.RolePolicy("describing", role="someone", policy=describing, opts=on_aws)
    in_organisation = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}
    reader = {"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}
    shared = json.dumps({"Statement": [{**reader, "Condition": in_organisation}]})
    aws.kms.Key("shared", policy=shared, tags=TAGS, opts=on_aws)
    aws.lb.LoadBalancer("internal", internal=True, tags=TAGS, opts=on_aws)
    aws.rds.Instance(
        "database",
        instance_class="db.t4g.medium",
        storage_encrypted=True,
        deletion_protection=True,
        tags=TAGS,
        opts=kept,
    )
    aws.rds.ParameterGroup(
        "tls",
        family="postgres18",
        parameters=[aws.rds.ParameterGroupParameterArgs(name="rds.force_ssl", value="1")],
        tags=TAGS,
        opts=on_aws,
    )
    aws.iam.RolePolicy("some", role="someone", policy=_document("s3:*", "arn:aws:s3:::lake/*"), opts=on_aws)
    _compliant_gcp(on_gcp)
    core = kubernetes.core.v1
    core.Service("service", spec=core.ServiceSpecArgs(type="ClusterIP"), opts=in_cluster)
    core.Pod("pod", spec=_restricted_pod(), opts=in_cluster)
    level = {"pod-security.kubernetes.io/enforce": "restricted"}
    core.Namespace("namespace", metadata={"labels": level}, opts=in_cluster)
    password = pulumi.Output.secret("correct horse")
    core.Secret("password", string_data={"password": password}, opts=in_cluster)


def _compliant_gcp(on_gcp: pulumi.ResourceOptions) -> None:
    kept = pulumi.ResourceOptions.merge(on_gcp, pulumi.ResourceOptions(protect=True))
    key = "projects/p-123456/locations/europe-west1/keyRings/r/cryptoKeys/k"
    gcp.storage.Bucket(
        "lake-too",
        location="europe-west1",
        public_access_prevention="enforced",
        uniform_bucket_level_access=True,
        encryption=gcp.storage.BucketEncryptionArgs(default_kms_key_name=key),
        labels=TAGS,
        opts=kept,
    )
    network = gcp.sql.DatabaseInstanceSettingsIpConfigurationArgs(
        ipv4_enabled=False, ssl_mode="ENCRYPTED_ONLY"
    )
    gcp.sql.DatabaseInstance(
        "sql",
        database_version="POSTGRES_18",
        encryption_key_name=key,
        settings=gcp.sql.DatabaseInstanceSettingsArgs(
            tier="db-custom-2-8192", ip_configuration=network, user_labels=TAGS
        ),
        opts=kept,
    )
    gcp.container.NodePool(
        "pool",
        cluster="c",
        location="europe-west1",
        autoscaling=gcp.container.NodePoolAutoscalingArgs(max_node_count=2),
        node_config=gcp.container.NodePoolNodeConfigArgs(machine_type="e2-standard-4", resource_labels=TAGS),
        opts=on_gcp,
    )


def _restricted_pod() -> kubernetes.core.v1.PodSpecArgs:
    core = kubernetes.core.v1
    bounds = {"cpu": "1", "memory": "1Gi"}
    main = core.ContainerArgs(
        name="main",
        image=_IMAGE,
        resources=core.ResourceRequirementsArgs(requests=bounds, limits=bounds),
        security_context=core.SecurityContextArgs(
            allow_privilege_escalation=False,
            capabilities=core.CapabilitiesArgs(drop=["ALL"]),
            run_as_non_root=True,
            seccomp_profile=core.SeccompProfileArgs(type="RuntimeDefault"),
        ),
    )
    return core.PodSpecArgs(containers=[main])


def _document(action: str | list[str], resource: str) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


PROGRAMS = {"violating": violating, "compliant": compliant}
