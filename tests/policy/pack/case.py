"""A rule, what it is shown, and whether that violates it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from policy.pack.model import Path, Resource, Stack
from policy.pack.rules import RULES

DEVELOPMENT = Stack(cloud="aws", size="small")
PRODUCTION = Stack(cloud="aws", size="production")


@dataclass(frozen=True)
class Case:
    """`resources` violate `rule` as often as `violations` says, in `stack`."""

    rule: str
    what: str
    resources: tuple[Resource, ...]
    violations: int = 0
    stack: Stack = field(default_factory=lambda: PRODUCTION)

    def __str__(self) -> str:
        return f"{self.rule}: {self.what}"

    def messages(self) -> list[str]:
        """What the rule says of it."""
        rule = next(rule for rule in RULES if rule.name == self.rule)
        if rule.stack is not None:
            return [found.message for found in rule.stack(self.resources, self.stack)]
        assert rule.resource is not None
        return [message for each in self.resources for message in rule.resource(each, self.stack)]


def resource(
    token: str,
    properties: Mapping[str, Any] | None = None,
    *,
    name: str = "it",
    uses: Mapping[str, str] | None = None,
    protect: bool = False,
    provider: Mapping[str, Any] | None = None,
    secrets: Iterable[Path] = (),
) -> Resource:
    """A resource whose URN is its name."""
    return Resource(
        type=token,
        name=name,
        urn=name,
        properties=properties or {},
        provider=provider or {},
        protect=protect,
        uses={key: frozenset({urn}) for key, urn in (uses or {}).items()},
        secrets=frozenset(secrets),
    )


def pod(container: Mapping[str, Any] | None = None, **spec: Any) -> Resource:
    """A Deployment whose pods pass `restricted`, but for what is given."""
    security = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    limits = {"cpu": "1", "memory": "1Gi"}
    main = {
        "name": "main",
        "image": "registry.example/trino:1",
        "securityContext": security,
        "resources": {"requests": limits, "limits": limits},
    }
    whole = {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{**main, **(container or {})}],
        "volumes": [{"name": "scratch", "emptyDir": {}}],
        **spec,
    }
    return resource("kubernetes:apps/v1:Deployment", {"spec": {"template": {"spec": whole}}})


def ids(cases: Iterable[Case]) -> list[str]:
    return [str(case) for case in cases]
