"""Rules for secrets: they are encrypted in the stack file, in Secrets, or in the cloud's secret store."""

import shlex
from collections.abc import Iterator

from policy.pack.facts.secrets import in_clear, said_of
from policy.pack.model import Resource, Rule, Stack
from policy.pack.tokens import PULUMI_STACK


def no_secret_in_plain_config(resource: Resource, stack: Stack) -> Iterator[str]:
    if resource.type == PULUMI_STACK:
        for key in stack.plain_secrets:
            command = f"pulumi config set --secret --path {shlex.quote(key)}"
            yield f"{key} stands in the stack file in clear: renew it where it is from, then `{command}`"


def no_secret_in_clear(resource: Resource, stack: Stack) -> Iterator[str]:
    said = set()
    for path, why in in_clear(resource):
        if path not in said:
            said.add(path)
            yield said_of(resource, path, why)


RULES = (
    Rule(
        "no-secret-in-plain-config",
        "Secrets in the stack file are encrypted.",
        resource=no_secret_in_plain_config,
    ),
    Rule(
        "no-secret-in-clear",
        "No secret stands where others read it: in variables, arguments, ConfigMaps, annotations or tags.",
        resource=no_secret_in_clear,
    ),
)
