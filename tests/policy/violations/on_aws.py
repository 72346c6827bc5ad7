"""What violates a rule on AWS."""

import json
from typing import Any

import pulumi
import pulumi_aws

from tests.policy.violations import Violations

aws: Any = pulumi_aws
"""Untyped: mypy follows what the program uses of an SDK, and these are the other types."""
_ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
_ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"


def _document(**statement: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def _allows(action: object, resource: object, **more: object) -> str:
    return _document(Action=action, Resource=resource, **more)


def _public(action: str, **more: object) -> str:
    return _document(Principal="*", Action=action, Resource="*", **more)


def _unknown_document(name: str, opts: pulumi.ResourceOptions) -> None:
    bucket = aws.s3.Bucket(f"{name}-bucket", opts=opts)
    text = bucket.arn.apply(lambda arn: _allows("*", [arn, "*"]))
    aws.iam.RolePolicy(name, role="someone", policy=text, opts=opts)


def _ingress(**ranges: list[str]) -> object:
    return aws.ec2.SecurityGroupIngressArgs(protocol="tcp", from_port=22, to_port=22, **ranges)


def _cluster(name: str, opts: pulumi.ResourceOptions, **access: object) -> object:
    network = aws.eks.ClusterVpcConfigArgs(subnet_ids=["subnet-1"], **access)
    return aws.eks.Cluster(name, role_arn="arn:aws:iam::1:role/a", vpc_config=network, opts=opts)


def _unknown_range(name: str, opts: pulumi.ResourceOptions) -> None:
    address = aws.ec2.Eip(f"{name}-address", opts=opts)
    group = "sg-1"
    aws.vpc.SecurityGroupIngressRule(
        name, security_group_id=group, ip_protocol="tcp", cidr_ipv4=address.public_ip, opts=opts
    )


ON_AWS: Violations = {
    "no-wildcard-iam": [
        lambda n, o: aws.iam.RolePolicy(n, role="a", policy=_allows("*", "*"), opts=o),
        lambda n, o: aws.iam.RolePolicy(n, role="a", policy="\n\t " + _allows("*", "*"), opts=o),
        lambda n, o: aws.iam.UserPolicy(n, user="a", policy=_allows(["s3:?*"], ["arn:aws:s3:::**"]), opts=o),
        lambda n, o: aws.iam.GroupPolicy(
            n, group="a", policy=_document(NotAction="iam:*", Resource="*"), opts=o
        ),
        lambda n, o: aws.iam.Policy(
            n, policy=_document(Action="ec2:*", NotResource="arn:aws:ec2:::a"), opts=o
        ),
        lambda n, o: aws.iam.Role(
            n,
            assume_role_policy=_document(Principal={"Service": "ec2.amazonaws.com"}, Action="sts:AssumeRole"),
            inline_policies=[aws.iam.RoleInlinePolicyArgs(name="a", policy=_allows("iam:*", "*"))],
            opts=o,
        ),
        lambda n, o: aws.iam.Role(
            n,
            assume_role_policy=_document(Principal={"Service": "ec2.amazonaws.com"}, Action="sts:AssumeRole"),
            managed_policy_arns=[_ADMINISTRATOR],
            opts=o,
        ),
        lambda n, o: aws.iam.RolePolicyAttachment(n, role="a", policy_arn=_ADMINISTRATOR, opts=o),
        lambda n, o: aws.iam.UserPolicyAttachment(n, user="a", policy_arn=_ADMINISTRATOR, opts=o),
        lambda n, o: aws.iam.PolicyAttachment(n, roles=["a"], policy_arn=_ADMINISTRATOR, opts=o),
        lambda n, o: aws.ssoadmin.PermissionSetInlinePolicy(
            n, instance_arn="a", permission_set_arn="b", inline_policy=_allows("*", "*"), opts=o
        ),
    ],
    "no-public-grant": [
        lambda n, o: aws.kms.Key(n, policy=_public("kms:*"), opts=o),
        lambda n, o: aws.kms.KeyPolicy(n, key_id="a", policy=_public("kms:Decrypt"), opts=o),
        lambda n, o: aws.sqs.QueuePolicy(n, queue_url="a", policy=_public("sqs:*"), opts=o),
        lambda n, o: aws.sqs.Queue(n, policy=_document(NotPrincipal={"AWS": "a"}, Action="sqs:*"), opts=o),
        lambda n, o: aws.sns.TopicPolicy(n, arn="a", policy=_public("sns:Publish"), opts=o),
        lambda n, o: aws.secretsmanager.SecretPolicy(
            n,
            secret_arn="a",
            policy=_document(Principal={"AWS": ["*"]}, Action="secretsmanager:GetSecretValue", Resource="*"),
            opts=o,
        ),
        lambda n, o: aws.ecr.RepositoryPolicy(n, repository="a", policy=_public("ecr:*"), opts=o),
        lambda n, o: aws.kms.Key(
            n, policy=_public("kms:*", Condition={"Bool": {"aws:SecureTransport": "true"}}), opts=o
        ),
        lambda n, o: aws.lambda_.Permission(
            n, action="lambda:InvokeFunction", function="a", principal="*", opts=o
        ),
        lambda n, o: aws.lambda_.FunctionUrl(n, function_name="a", authorization_type="NONE", opts=o),
        lambda n, o: aws.efs.FileSystemPolicy(n, file_system_id="a", policy=_public("*"), opts=o),
        lambda n, o: aws.opensearch.DomainPolicy(n, domain_name="a", access_policies=_public("es:*"), opts=o),
    ],
    "no-public-trust": [
        lambda n, o: aws.iam.Role(
            n, assume_role_policy=_document(Principal={"AWS": "*"}, Action="sts:AssumeRole"), opts=o
        ),
        lambda n, o: aws.iam.Role(
            n,
            assume_role_policy=_document(
                Principal={"Federated": "arn:aws:iam::1:oidc-provider/token.actions.githubusercontent.com"},
                Action="sts:AssumeRoleWithWebIdentity",
            ),
            opts=o,
        ),
    ],
    "no-public-bucket": [
        lambda n, o: aws.s3.BucketPolicy(n, bucket="a", policy=_public("s3:GetObject"), opts=o),
        lambda n, o: aws.s3.BucketAcl(n, bucket="a", acl="public-read", opts=o),
        lambda n, o: aws.s3.BucketAcl(
            n,
            bucket="a",
            access_control_policy=aws.s3.BucketAclAccessControlPolicyArgs(
                owner=aws.s3.BucketAclAccessControlPolicyOwnerArgs(id="a"),
                grants=[
                    aws.s3.BucketAclAccessControlPolicyGrantArgs(
                        permission="READ",
                        grantee=aws.s3.BucketAclAccessControlPolicyGrantGranteeArgs(
                            type="Group", uri=_ALL_USERS
                        ),
                    )
                ],
            ),
            opts=o,
        ),
        lambda n, o: aws.s3.BucketObjectv2(n, bucket="a", acl="public-read-write", opts=o),
        lambda n, o: aws.s3.BucketPublicAccessBlock(n, bucket="a", block_public_acls=True, opts=o),
        lambda n, o: aws.s3.AccessPoint(n, bucket="a", policy=_public("s3:GetObject"), opts=o),
        lambda n, o: aws.s3control.AccessPointPolicy(n, access_point_arn="a", policy=_public("s3:*"), opts=o),
    ],
    "bucket-access-blocked": [lambda n, o: aws.s3.Bucket(n, opts=o)],
    "bucket-encrypted": [lambda n, o: aws.s3.Bucket(n, opts=o)],
    "bucket-tls-only": [lambda n, o: aws.s3.Bucket(n, opts=o)],
    "no-open-ingress": [
        lambda n, o: aws.ec2.SecurityGroup(n, ingress=[_ingress(cidr_blocks=["0.0.0.0/0"])], opts=o),
        lambda n, o: aws.ec2.SecurityGroup(n, ingress=[_ingress(ipv6_cidr_blocks=["::/0"])], opts=o),
        lambda n, o: aws.ec2.SecurityGroupRule(
            n,
            type="ingress",
            security_group_id="a",
            protocol="tcp",
            from_port=1,
            to_port=2,
            cidr_blocks=["0.0.0.0/0"],
            opts=o,
        ),
        lambda n, o: aws.vpc.SecurityGroupIngressRule(
            n, security_group_id="a", ip_protocol="tcp", cidr_ipv4="0.0.0.0/0", opts=o
        ),
        lambda n, o: aws.vpc.SecurityGroupIngressRule(
            n, security_group_id="a", ip_protocol="tcp", cidr_ipv6="::/0", opts=o
        ),
        lambda n, o: aws.ec2.DefaultSecurityGroup(
            n,
            ingress=[
                aws.ec2.DefaultSecurityGroupIngressArgs(
                    protocol="-1", from_port=0, to_port=0, cidr_blocks=["0.0.0.0/0"]
                )
            ],
            opts=o,
        ),
        lambda n, o: aws.ec2.Instance(n, associate_public_ip_address=True, opts=o),
        lambda n, o: aws.ec2.Subnet(n, vpc_id="a", map_public_ip_on_launch=True, opts=o),
        lambda n, o: _cluster(n, o),
        lambda n, o: _cluster(n, o, public_access_cidrs=["0.0.0.0/0"]),
        lambda n, o: aws.apigatewayv2.Api(n, protocol_type="HTTP", opts=o),
    ],
    "no-public-load-balancer": [lambda n, o: aws.lb.LoadBalancer(n, opts=o)],
    "no-public-database": [
        lambda n, o: aws.rds.Instance(n, instance_class="db.t4g.small", publicly_accessible=True, opts=o),
        lambda n, o: aws.rds.ClusterInstance(
            n,
            cluster_identifier="a",
            engine=aws.rds.EngineType.AURORA_POSTGRESQL,
            instance_class="db.r8g.large",
            publicly_accessible=True,
            opts=o,
        ),
        lambda n, o: aws.redshift.Cluster(
            n, cluster_identifier="a", node_type="a", publicly_accessible=True, opts=o
        ),
    ],
    "no-unseen-resources": [lambda n, o: aws.cloudformation.Stack(n, template_body="{}", opts=o)],
    "encryption-at-rest": [
        lambda n, o: aws.rds.Instance(n, instance_class="db.t4g.small", opts=o),
        lambda n, o: aws.docdb.Cluster(n, opts=o),
        lambda n, o: aws.ebs.Volume(n, availability_zone="eu-west-1a", opts=o),
        lambda n, o: aws.ec2.Instance(
            n,
            ebs_block_devices=[aws.ec2.InstanceEbsBlockDeviceArgs(device_name="b", encrypted=False)],
            opts=o,
        ),
        lambda n, o: aws.opensearch.Domain(n, opts=o),
    ],
    "tls-in-transit": [
        lambda n, o: aws.rds.ParameterGroup(
            n,
            family="postgres18",
            parameters=[aws.rds.ParameterGroupParameterArgs(name="rds.force_ssl", value="0")],
            opts=o,
        ),
        lambda n, o: aws.elasticache.ReplicationGroup(n, description="a", opts=o),
    ],
    "no-static-cloud-keys": [
        lambda n, o: aws.iam.AccessKey(n, user="a", opts=o),
        lambda n, o: aws.lambda_.Function(
            n,
            role="a",
            environment=aws.lambda_.FunctionEnvironmentArgs(variables={"AWS_ACCESS_KEY_ID": "a"}),
            opts=o,
        ),
    ],
    "no-secret-in-clear": [
        lambda n, o: aws.lambda_.Function(
            n,
            role="a",
            environment=aws.lambda_.FunctionEnvironmentArgs(variables={"DB_PASSWORD": "hunter2"}),
            opts=o,
        ),
        lambda n, o: aws.lambda_.Function(
            n,
            role="a",
            environment=aws.lambda_.FunctionEnvironmentArgs(variables={"A": pulumi.Output.secret("word")}),
            opts=o,
        ),
        lambda n, o: aws.ecs.TaskDefinition(
            n,
            family="a",
            container_definitions=json.dumps(
                [{"name": "a", "environment": [{"name": "TOKEN", "value": "abc"}]}]
            ),
            opts=o,
        ),
        lambda n, o: aws.ec2.Instance(n, user_data="export API_KEY=abc\n", opts=o),
        lambda n, o: aws.ssm.Parameter(n, type="String", value=pulumi.Output.secret("a"), opts=o),
    ],
    "required-tags": [lambda n, o: aws.ec2.Vpc(n, cidr_block="10.0.0.0/16", opts=o)],
    "stateful-protected": [
        lambda n, o: aws.s3.Bucket(n, opts=o),
        lambda n, o: aws.neptune.Cluster(n, opts=o),
    ],
    "instance-budget": [lambda n, o: aws.rds.Instance(n, instance_class="db.x2g.16xlarge", opts=o)],
    "allowed-regions": [lambda n, o: aws.s3.Bucket(n, region="us-east-1", opts=o)],
    "judgeable": [
        _unknown_document,
        _unknown_range,
        lambda n, o: aws.iam.RolePolicy(n, role="a", policy="{Statement: all}", opts=o),
        lambda n, o: aws.kms.Key(n, policy='{"Statement": [', opts=o),
    ],
}
