"""Runs the rules as a policy pack of Pulumi's SDK."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy import policy as sdk
from pulumi_policy.proxy import UnknownValueError

from policy.pack.configuration import stack_file, stack_of
from policy.pack.model import UNKNOWN, Resource, Rule, Stack
from policy.pack.rules import RULES


class Judged:
    """The stack that the pack judges. Until the engine has said which, the strictest."""

    def __init__(self) -> None:
        self.stack = Stack()


JUDGED = Judged()


class _Servicer(sdk._PolicyAnalyzerServicer):
    """The SDK's service. It drops the stack's configuration, which the engine sends before anything else
    and on which the rules and their levels depend."""

    def ConfigureStack(self, request: Any, context: Any) -> Any:
        # The engine starts a pack in the directory of the program.
        file = stack_file(Path.cwd(), request.stack)
        JUDGED.stack = stack_of(dict(request.config), set(request.config_secret_keys), file)
        return super().ConfigureStack(request, context)


class _Level:
    """A rule's enforcement level in the stack at hand; the SDK sets it once, before the stack is known."""

    def __get__(self, policy: Any, owner: type | None = None) -> EnforcementLevel:
        rule: Rule = policy.rule
        return EnforcementLevel(rule.level(JUDGED.stack))

    def __set__(self, policy: Any, value: object) -> None:
        pass


class _ResourceRule(ResourceValidationPolicy):
    enforcement_level = _Level()

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        super().__init__(rule.name, rule.description, self._judge)

    def _judge(self, args: ResourceValidationArgs, report: ReportViolation) -> None:
        assert self.rule.resource is not None
        resource = Resource(
            type=args.resource_type,
            name=args.name,
            urn=args.urn,
            properties=_plain(args.props),
            provider=_plain(args.provider.props) if args.provider else {},
            protect=args.opts.protect,
        )
        for message in self.rule.resource(resource, JUDGED.stack):
            report(message, None)


class _StackRule(StackValidationPolicy):
    enforcement_level = _Level()

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        super().__init__(rule.name, rule.description, self._judge)

    def _judge(self, args: StackValidationArgs, report: ReportViolation) -> None:
        assert self.rule.stack is not None
        resources = [
            Resource(
                type=found.resource_type,
                name=found.name,
                urn=found.urn,
                properties=_plain(found.props),
                provider=_plain(found.provider.props) if found.provider else {},
                protect=found.opts.protect,
                uses={
                    name: frozenset(used.urn for used in each)
                    for name, each in found.property_dependencies.items()
                },
            )
            for found in args.resources
        ]
        for violation in self.rule.stack(resources, JUDGED.stack):
            report(violation.message, violation.urn or None)


def _plain(node: Any) -> Any:
    """`node` without the SDK's proxies, which raise where a value is not known."""
    if isinstance(node, Mapping):
        return {key: _known(node, key) for key in node}
    if isinstance(node, Sequence) and not isinstance(node, str | bytes):
        return [_known(node, index) for index in range(len(node))]
    # A protobuf struct knows floats only.
    return int(node) if isinstance(node, float) and node.is_integer() else node


def _known(node: Any, key: Any) -> Any:
    try:
        return _plain(node[key])
    except UnknownValueError:
        return UNKNOWN


def serve() -> None:
    """Serve the engine until it ends the process."""
    sdk._PolicyAnalyzerServicer = _Servicer  # type: ignore[misc]  # the pack makes one of that name
    PolicyPack(
        name="nebula",
        policies=[_ResourceRule(rule) if rule.resource else _StackRule(rule) for rule in RULES],
    )
