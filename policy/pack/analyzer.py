"""Runs the rules as a policy pack of Pulumi's SDK."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy, StackValidationPolicy
from pulumi_policy import policy as sdk

from policy.pack.configuration import stack_file, stack_of
from policy.pack.model import Rule, Stack, Violation
from policy.pack.received import resource_of
from policy.pack.rules import RULES

NAME, VERSION = "nebula", "0.0.1"
"""As the SDK gives them. The engine shows the version of PulumiPolicy.yaml."""
_Shown = TypeVar("_Shown")
_Found = TypeVar("_Found")


class Judged:
    """The stack that the pack judges. The strictest level counts until the engine has named the stack."""

    def __init__(self) -> None:
        self.stack = Stack()


JUDGED = Judged()


class _Servicer(sdk._PolicyAnalyzerServicer):
    """The SDK's service, but for three things that it drops: the stack's configuration, which the engine
    sends before anything else and on which the rules and their levels depend; which values are secret;
    and whatever else a resource has when one of its values is not known."""

    def ConfigureStack(self, request: Any, context: Any) -> Any:
        # The engine starts a pack in the directory of the program.
        file = stack_file(Path.cwd(), request.stack)
        JUDGED.stack = stack_of(dict(request.config), set(request.config_secret_keys), file)
        return super().ConfigureStack(request, context)

    def Analyze(self, request: Any, context: Any) -> Any:
        resource = resource_of(request)
        return self._answer(
            (policy, Violation(message))
            for policy in POLICIES
            if (judge := policy.rule.resource) is not None
            for message in judged(judge, resource, JUDGED.stack, resource.kind)
        )

    def AnalyzeStack(self, request: Any, context: Any) -> Any:
        resources = [
            resource_of(
                each, {name: frozenset(used.urns) for name, used in each.propertyDependencies.items()}
            )
            for each in request.resources
        ]
        return self._answer(
            (policy, found if isinstance(found, Violation) else Violation(found))
            for policy in POLICIES
            if (judge := policy.rule.stack) is not None
            for found in judged(judge, resources, JUDGED.stack, "the stack")
        )

    def _answer(self, found: "Iterable[tuple[_Policy, Violation]]") -> Any:
        response = analyzer_pb2.AnalyzeResponse()
        for policy, violation in found:
            level = self._get_enforcement_level(policy)
            if level is not EnforcementLevel.DISABLED:
                response.diagnostics.add(
                    policyName=policy.name,
                    policyPackName=NAME,
                    policyPackVersion=VERSION,
                    description=policy.description,
                    message=f"{policy.description}\n{violation.message}",
                    urn=violation.urn,
                    enforcementLevel=self._map_enforcement_level(level),
                )
        return response


def judged(
    judge: Callable[[_Shown, Stack], Iterator[_Found]], shown: _Shown, stack: Stack, what: str
) -> Iterator[_Found | str]:
    """Runs `judge` and returns its violations. A rule that fails with an error is itself reported as a
    violation."""
    try:
        yield from judge(shown, stack)
    except Exception as error:  # noqa: BLE001  # whatever it is, nothing was judged
        yield f"{what} cannot be judged: {type(error).__name__}: {error}"


class _Level:
    """A rule's enforcement level in the stack at hand; the SDK sets it once, before the stack is known."""

    def __get__(self, policy: Any, owner: type | None = None) -> EnforcementLevel:
        rule: Rule = policy.rule
        return EnforcementLevel(rule.level(JUDGED.stack))

    def __set__(self, policy: Any, value: object) -> None:
        pass


class _OfResource(ResourceValidationPolicy):
    enforcement_level = _Level()

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        super().__init__(rule.name, rule.description, _judged_by_the_service)


class _OfStack(StackValidationPolicy):
    enforcement_level = _Level()

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        super().__init__(rule.name, rule.description, _judged_by_the_service)


def _judged_by_the_service(*_: Any) -> None:
    raise AssertionError("the SDK judged where the service does")


_Policy = _OfResource | _OfStack
POLICIES: Sequence[_Policy] = [_OfResource(rule) if rule.resource else _OfStack(rule) for rule in RULES]
"""The rules as the SDK lists them for the engine."""


def serve() -> None:
    """Serves the engine until it ends the process."""
    sdk._PolicyAnalyzerServicer = _Servicer  # type: ignore[misc]  # the pack makes one of that name
    PolicyPack(name=NAME, policies=list(POLICIES))
