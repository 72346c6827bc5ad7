"""Knows IAM's actions: which patterns are wide, and which actions can only be allowed on everything."""

import re

from policy.pack.facts.patterns import wildcard

_UNSCOPED = (
    *("account:get*", "account:list*", "acm:list*", "apigateway:get*", "application-autoscaling:describe*"),
    *("autoscaling:describe*", "autoscaling-plans:describe*", "budgets:view*", "ce:describe*", "ce:get*"),
    *("ce:list*", "cloudfront:list*", "cloudtrail:describe*", "cloudtrail:list*", "cloudtrail:lookup*"),
    *("cloudwatch:describe*", "cloudwatch:get*", "cloudwatch:list*", "compute-optimizer:get*"),
    *("config:describe*", "cur:describe*", "directconnect:describe*", "ec2:describe*", "ec2:getebs*"),
    *("ec2:search*", "ecr:describeregistry*", "ecr:getauthorization*", "ecs:list*", "eks:describeaddon*"),
    *("eks:list*", "elasticache:list*", "elasticfilesystem:describe*", "elasticloadbalancing:describe*"),
    *("es:list*", "events:list*", "firehose:list*", "freetier:get*", "glue:list*", "guardduty:list*"),
    *(
        "health:describe*",
        "iam:generatecredentialreport*",
        "iam:getaccount*",
        "iam:getcredential*",
        "iam:list*",
    ),
    *("inspector2:list*", "kafka:list*", "kinesis:list*", "kms:list*", "lambda:list*", "logs:describe*"),
    *(
        "organizations:describe*",
        "organizations:list*",
        "pi:list*",
        "pricing:*",
        "ram:list*",
        "rds:describe*",
    ),
    *("redshift:describe*", "resource-groups:list*", "route53:get*", "route53:list*", "s3:listallmybuckets"),
    *("savingsplans:describe*", "secretsmanager:list*", "securityhub:describe*", "securityhub:list*"),
    *(
        "service-quotas:get*",
        "service-quotas:list*",
        "servicequotas:get*",
        "servicequotas:list*",
        "sns:list*",
    ),
    *("sqs:list*", "ssm:describe*", "ssm:list*", "sts:get*", "support:describe*", "tag:get*"),
    *("wafv2:list*", "xray:get*"),
    # What an agent on a machine or in a pod says to the service, and gets of it.
    *("ec2messages:*", "ssmmessages:*", "textract:detect*", "xray:put*"),
)
"""Actions that AWS lets nobody scope to a resource, and that read, list or report at most, in lower case
(Service Authorization Reference, "Actions, resources, and condition keys")."""


def is_wide(action: str) -> bool:
    """True if a pattern is of many actions which could each be allowed on less than everything."""
    pattern = wildcard(action).lower()
    if "*" not in pattern and "?" not in pattern:
        return False
    before = pattern.partition("*")[0].partition("?")[0]
    return not any(before.startswith(known.rstrip("*")) for known in _UNSCOPED)


def is_whole(action: str) -> bool:
    """True if a pattern is of every action of a service, or of all of them."""
    return re.fullmatch(r"([\w*?-]+:)?\*", wildcard(action)) is not None
