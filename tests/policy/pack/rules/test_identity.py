"""Who may do what, and with which credentials."""

import base64
import json

import pytest

from policy.pack.model import Resource, Stack
from tests.policy.pack.case import Case, ids, pod, resource

POLICY, ROLE = "aws:iam/rolePolicy:RolePolicy", "aws:iam/role:Role"
SECRET = "kubernetes:core/v1:Secret"
_WILDCARD, _STATIC = "no-wildcard-iam", "no-static-cloud-keys"
_GRANT, _TRUST = "no-public-grant", "no-public-trust"
# In two parts: whole, it would be taken for a key of somebody's.
KEY = "AKIA" + "Q" * 16
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
MEMBER, CLUSTER_ROLE = (
    "gcp:projects/iAMMember:IAMMember",
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
)


def _policy(action: object, target: object, **more: object) -> dict[str, object]:
    statement = {"Effect": "Allow", "Action": action, "Resource": target, **more}
    return {"policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})}


def _environment(name: str, value: str) -> dict[str, object]:
    return {"env": [{"name": name, "value": value}]}


def _attached(**properties: object) -> Resource:
    return resource("aws:iam/role:Role", properties)


def _of(principal: object, **more: object) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "kms:*", "Resource": "*", **more}
    return json.dumps({"Statement": [statement]})


def _key(principal: object, **more: object) -> Resource:
    return resource("aws:kms/key:Key", {"policy": _of(principal, **more)})


def _trust(principal: object, **more: object) -> Resource:
    document = _of(principal, Action="sts:AssumeRoleWithWebIdentity", **more)
    return resource(ROLE, {"assumeRolePolicy": document})


def _binding(role: str, subject: str) -> Resource:
    subjects = [{"kind": "Group", "name": subject}]
    return resource(
        "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding",
        {"roleRef": {"name": role}, "subjects": subjects},
    )


def _data(role: str, member: str) -> dict[str, object]:
    return {"policyData": json.dumps({"bindings": [{"role": role, "members": [member]}]})}


_ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
_GITHUB = {"Federated": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"}
_SUB = "token.actions.githubusercontent.com:sub"
_FUNCTION = "aws:lambda/permission:Permission"
WIDE = [
    Case(
        _WILDCARD,
        "JSON after white space",
        (resource(POLICY, {"policy": "\n " + str(_policy("*", "*")["policy"])}),),
        1,
    ),
    Case(
        _WILDCARD,
        "a structure",
        (resource(POLICY, {"policy": {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}}),),
        1,
    ),
    Case(_WILDCARD, "a wildcard in another form", (resource(POLICY, _policy("s3:?*", "**")),), 1),
    Case(_WILDCARD, "two wildcards", (resource(POLICY, _policy("**", "arn:aws:s3:::**")),), 1),
    Case(
        _WILDCARD,
        "all but one resource",
        (resource(POLICY, _policy("s3:*", None, NotResource="arn:aws:s3:::a")),),
        1,
    ),
    Case(
        _WILDCARD,
        "where no resource is named",
        (resource(POLICY, _policy("ec2:*", "*", Condition={"Bool": {"aws:SecureTransport": "true"}})),),
        1,
    ),
    Case(_WILDCARD, "a managed policy", (resource("aws:iam/policy:Policy", _policy("iam:*", "*")),), 1),
    Case(
        _WILDCARD,
        "single sign-on",
        (
            resource(
                "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy",
                {"inlinePolicy": _policy("*", "*")["policy"]},
            ),
        ),
        1,
    ),
    Case(_WILDCARD, "an administrator's role", (_attached(managedPolicyArns=[_ADMINISTRATOR]),), 1),
    Case(
        _WILDCARD,
        "an attachment to many",
        (resource("aws:iam/policyAttachment:PolicyAttachment", {"policyArn": _ADMINISTRATOR}),),
        1,
    ),
    Case(
        _WILDCARD, "in China", (_attached(managedPolicyArns=["arn:aws-cn:iam::aws:policy/IAMFullAccess"]),), 1
    ),
    Case(
        _WILDCARD,
        "a policy of a project",
        (resource("gcp:projects/iAMPolicy:IAMPolicy", _data("roles/owner", "user:a@b.example")),),
        1,
    ),
    Case(_WILDCARD, "bound as administrator", (_binding("cluster-admin", "admins"),), 1),
    Case(
        _WILDCARD,
        "a patch",
        (resource(f"{CLUSTER_ROLE}Patch", {"rules": [{"resources": ["*"], "verbs": ["*"]}]}),),
        1,
    ),
]
WIDE += [
    Case(
        _WILDCARD, "all roles", (resource(POLICY, _policy("iam:*", "arn:aws:iam::123456789012:role/*")),), 1
    ),
    Case(_WILDCARD, "a prefix of many", (resource(POLICY, _policy("ec2:D*", "*")),), 1),
    Case(
        _WILDCARD,
        "every kind of resource",
        (resource(CLUSTER_ROLE, {"rules": [{"resources": ["*/*"], "verbs": ["*"]}]}),),
        1,
    ),
]
WIDE += [
    Case(
        _WILDCARD,
        f"everything, where {key} says whose",
        (resource(POLICY, _policy("*", "*", Condition={"StringEquals": {key: value}})),),
        1,
    )
    for key, value in (("aws:ResourceAccount", "123456789012"), ("aws:ResourceOrgID", "o-a1b2"))
]
NOT_WIDE = [
    Case(
        _WILDCARD,
        "tables by their name",
        (resource(POLICY, _policy("dynamodb:*", "arn:aws:dynamodb:::table/a*")),),
    ),
    Case(
        _WILDCARD,
        "what cannot be scoped",
        (resource(POLICY, _policy(["ec2:Describe*", "ecr:GetAuthorizationToken"], "*")),),
    ),
    Case(
        _WILDCARD,
        "resources by their tag",
        (resource(POLICY, _policy("ec2:*", "*", Condition={"StringEquals": {"aws:ResourceTag/team": "a"}})),),
    ),
    Case(_WILDCARD, "a ceiling", (_attached(permissionsBoundary=_ADMINISTRATOR),)),
    Case(_WILDCARD, "a key's own policy", (_key({"AWS": "arn:aws:iam::123456789012:root"}),)),
    Case(
        _WILDCARD, "an endpoint's policy", (resource("aws:ec2/vpcEndpoint:VpcEndpoint", _policy("*", "*")),)
    ),
    Case(_WILDCARD, "bound to view", (_binding("view", "readers"),)),
]
GRANTED = [
    Case(_GRANT, "a key", (_key("*"),), 1),
    Case(_GRANT, "a key in a mapping", (_key({"AWS": ["*"]}),), 1),
    Case(
        _GRANT,
        "all but one",
        (
            resource(
                "aws:kms/key:Key",
                {
                    "policy": json.dumps(
                        {
                            "Statement": {
                                "Effect": "Allow",
                                "NotPrincipal": {"AWS": "arn:aws:iam::1:root"},
                                "Action": "*",
                            }
                        }
                    )
                },
            ),
        ),
        1,
    ),
    Case(_GRANT, "a queue", (resource("aws:sqs/queuePolicy:QueuePolicy", {"policy": _of("*")}),), 1),
    Case(_GRANT, "a topic", (resource("aws:sns/topic:Topic", {"policy": _of("*")}),), 1),
    Case(
        _GRANT,
        "a secret",
        (resource("aws:secretsmanager/secretPolicy:SecretPolicy", {"policy": _of({"AWS": "*"})}),),
        1,
    ),
    Case(
        _GRANT,
        "a registry",
        (resource("aws:ecr/repositoryPolicy:RepositoryPolicy", {"policy": _of("*")}),),
        1,
    ),
    Case(
        _GRANT,
        "a search domain",
        (resource("aws:opensearch/domain:Domain", {"accessPolicies": _of("*")}),),
        1,
    ),
    Case(_GRANT, "a condition on how", (_key("*", Condition={"Bool": {"aws:SecureTransport": "true"}}),), 1),
    Case(
        _GRANT, "a condition on nobody", (_key("*", Condition={"StringLike": {"aws:PrincipalArn": "*"}}),), 1
    ),
    Case(
        _GRANT,
        "a condition where there is one",
        (_key("*", Condition={"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}),),
        1,
    ),
    Case(
        _GRANT,
        "addresses of everybody",
        (_key("*", Condition={"IpAddress": {"aws:SourceIp": ["0.0.0.0/0"]}}),),
        1,
    ),
    Case(
        _GRANT, "a function", (resource(_FUNCTION, {"principal": "*", "action": "lambda:InvokeFunction"}),), 1
    ),
    Case(
        _GRANT,
        "a function's address",
        (resource("aws:lambda/functionUrl:FunctionUrl", {"authorizationType": "NONE"}),),
        1,
    ),
    Case(
        _GRANT,
        "an image",
        (resource("aws:ec2/amiLaunchPermission:AmiLaunchPermission", {"group": "all"}),),
        1,
    ),
    Case(
        _GRANT,
        "an endpoint service",
        (resource("aws:ec2/vpcEndpointService:VpcEndpointService", {"allowedPrincipals": ["*"]}),),
        1,
    ),
    Case(
        _GRANT,
        "a topic of Google's",
        (resource("gcp:pubsub/topicIAMMember:TopicIAMMember", {"member": "allUsers"}),),
        1,
    ),
    Case(
        _GRANT,
        "a secret of Google's",
        (
            resource(
                "gcp:secretmanager/secretIamBinding:SecretIamBinding",
                {"members": ["user:a@b.example", "allAuthenticatedUsers"]},
            ),
        ),
        1,
    ),
    Case(
        _GRANT,
        "a key of Google's, by its policy",
        (resource("gcp:kms/cryptoKeyIAMPolicy:CryptoKeyIAMPolicy", _data("roles/viewer", "allUsers")),),
        1,
    ),
    Case(
        _GRANT,
        "a dataset",
        (
            resource(
                "gcp:bigquery/dataset:Dataset",
                {"accesses": [{"role": "READER", "specialGroup": "allAuthenticatedUsers"}]},
            ),
        ),
        1,
    ),
    Case(
        _GRANT,
        "a service without IAM",
        (resource("gcp:cloudrunv2/service:Service", {"invokerIamDisabled": True}),),
        1,
    ),
    Case(_GRANT, "a cluster's role", (_binding("view", "system:unauthenticated"),), 1),
    Case(_TRUST, "everybody", (_trust("*"),), 1),
    Case(
        _TRUST,
        "everybody who knows a word",
        (_trust({"AWS": "*"}, Condition={"StringEquals": {"sts:ExternalId": "a"}}),),
        1,
    ),
    Case(_TRUST, "every workflow of GitHub's", (_trust(_GITHUB),), 1),
    Case(_TRUST, "every repository", (_trust(_GITHUB, Condition={"StringLike": {_SUB: "repo:*"}}),), 1),
]
_HALVES = [f"{quarter}.0.0.0/2" for quarter in (0, 64, 128, 192)]
GRANTED += [
    Case(
        _GRANT,
        "a role of that name in any account",
        (_key("*", Condition={"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/admin"}}),),
        1,
    ),
    Case(
        _GRANT,
        "topics of any account",
        (_key("*", Condition={"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:topic"}}),),
        1,
    ),
    Case(_GRANT, "addresses, in parts", (_key("*", Condition={"IpAddress": {"aws:SourceIp": _HALVES}}),), 1),
    Case(
        _GRANT,
        "each of several",
        (_key("*", Condition={"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-1"}}),),
        1,
    ),
    Case(_GRANT, "a public registry", (resource("aws:ecrpublic/repository:Repository"),), 1),
    Case(_GRANT, "a snapshot", (resource("aws:rds/snapshot:Snapshot", {"sharedAccounts": ["all"]}),), 1),
]
NOT_GRANTED = [
    Case(
        _GRANT,
        "the removal of everybody",
        (resource("gcp:projects/iamMemberRemove:IamMemberRemove", {"member": "allUsers"}),),
    ),
    Case(_GRANT, "an account", (_key({"AWS": "arn:aws:iam::123456789012:root"}),)),
    Case(_GRANT, "a service", (_key({"Service": "logs.amazonaws.com"}),)),
    Case(_GRANT, "an organisation", (_key("*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),)),
    Case(
        _GRANT,
        "callers of a service",
        (
            _key(
                "*",
                Condition={
                    "StringEquals": {
                        "kms:CallerAccount": "123456789012",
                        "kms:ViaService": "ec2.eu-west-1.amazonaws.com",
                    }
                },
            ),
        ),
    ),
    Case(
        _GRANT,
        "a topic's events",
        (
            resource(
                "aws:sqs/queuePolicy:QueuePolicy",
                {
                    "policy": _of(
                        "*", Condition={"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:123456789012:*"}}
                    )
                },
            ),
        ),
    ),
    Case(
        _GRANT,
        "everybody, less a denial of all but a network",
        (
            resource(
                "aws:apigateway/restApiPolicy:RestApiPolicy",
                {
                    "policy": json.dumps(
                        {
                            "Statement": [
                                {
                                    "Effect": "Allow",
                                    "Principal": "*",
                                    "Action": "execute-api:Invoke",
                                    "Resource": "execute-api:/*",
                                },
                                {
                                    "Effect": "Deny",
                                    "Principal": "*",
                                    "Action": "execute-api:*",
                                    "Resource": "*",
                                    "Condition": {"StringNotEquals": {"aws:SourceVpc": "vpc-1"}},
                                },
                            ]
                        }
                    )
                },
            ),
        ),
    ),
    Case(
        _GRANT,
        "a function for one bucket",
        (resource(_FUNCTION, {"principal": "*", "sourceArn": "arn:aws:s3:::lake"}),),
    ),
    Case(
        _GRANT,
        "a member",
        (resource("gcp:pubsub/topicIAMMember:TopicIAMMember", {"member": "user:a@b.example"}),),
    ),
    Case(_TRUST, "a service's role", (_trust({"Service": "ec2.amazonaws.com"}),)),
    Case(_TRUST, "one repository", (_trust(_GITHUB, Condition={"StringLike": {_SUB: "repo:us/lake:*"}}),)),
    Case(
        _TRUST,
        "a cluster's pods",
        (_trust({"Federated": "arn:aws:iam::1:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/A"}),),
    ),
]
CASES = [
    Case(_WILDCARD, "everything", (resource(POLICY, _policy("*", "*")),), 1),
    Case(_WILDCARD, "a whole service", (resource(POLICY, _policy(["s3:*"], ["arn:aws:s3:::*"])),), 1),
    Case(_WILDCARD, "all but one action", (resource(POLICY, _policy(None, "*", NotAction="iam:*")),), 1),
    Case(_WILDCARD, "in a role", (resource(ROLE, {"inlinePolicies": [_policy("ec2:*", "*")]}),), 1),
    Case(_WILDCARD, "named actions", (resource(POLICY, _policy(["ec2:DescribeInstances"], "*")),)),
    Case(_WILDCARD, "a named bucket", (resource(POLICY, _policy("s3:*", "arn:aws:s3:::lake/*")),)),
    Case(_WILDCARD, "a denial", (resource(POLICY, _policy("*", "*", Effect="Deny")),)),
    Case(
        _WILDCARD,
        "an administrator",
        (resource(ATTACHMENT, {"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),),
        1,
    ),
    Case(
        _WILDCARD,
        "a policy of AWS's",
        (resource(ATTACHMENT, {"policyArn": "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"}),),
    ),
    Case(_WILDCARD, "a project's editor", (resource(MEMBER, {"role": "roles/editor"}),), 1),
    Case(_WILDCARD, "one role", (resource(MEMBER, {"role": "roles/storage.objectUser"}),)),
    Case(
        _WILDCARD,
        "a cluster's administrator",
        (resource(CLUSTER_ROLE, {"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}),),
        1,
    ),
    Case(
        _WILDCARD,
        "verbs on pods",
        (resource(CLUSTER_ROLE, {"rules": [{"resources": ["pods"], "verbs": ["*"]}]}),),
    ),
    Case(_STATIC, "a key of AWS", (resource("aws:iam/accessKey:AccessKey"),), 1),
    Case(_STATIC, "a key of GCP", (resource("gcp:serviceaccount/key:Key"),), 1),
    Case(_STATIC, "an account of GCP", (resource("gcp:serviceaccount/account:Account"),)),
    Case(_STATIC, "in the environment", (pod(_environment("AWS_ACCESS_KEY_ID", "given")),), 1),
    Case(
        _STATIC,
        "of a store that is no cloud's",
        (pod(_environment("AWS_ACCESS_KEY_ID", "minio")),),
        stack=Stack(cloud="kubernetes"),
    ),
    Case(_STATIC, "by its form", (pod(_environment("KEY", KEY)),), 1, stack=Stack(cloud="kubernetes")),
    Case(_STATIC, "no key", (pod(_environment("AWS_REGION", "eu-west-1")),)),
    Case(
        _STATIC,
        "in a Secret",
        (resource(SECRET, {"data": {"credentials": base64.b64encode(KEY.encode()).decode()}}),),
        1,
    ),
    Case(
        _STATIC, "in a file", (resource(SECRET, {"stringData": {"key": '{"type": "service_account"}'}}),), 1
    ),
    Case(_STATIC, "another secret", (resource(SECRET, {"stringData": {"password": "correct horse"}}),)),
    *WIDE,
    *NOT_WIDE,
    *GRANTED,
    *NOT_GRANTED,
]


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_nobody_may_do_everything_or_holds_a_key(case: Case) -> None:
    assert len(case.messages()) == case.violations
