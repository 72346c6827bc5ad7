"""Every property of the SDKs in use that grants, opens or holds a pod is read by some rule.

A new release of an SDK may bring a type with a property that no rule reads: then a test here fails. Teach a
fact to read it, or say below why it is another thing.
"""

import re
from collections.abc import Callable
from functools import cache

import pytest

from policy.pack import model, tokens
from policy.pack.model import UNKNOWN
from policy.pack.rules import RULES
from tests.policy.pack.case import PRODUCTION, resource
from tests.policy.pack.sdk import Leaf, Type, paths, put, types

_POLICY = re.compile(r"(?i)(policy|policies)(documents?|json|body)?$")
_NO_DOCUMENT = frozenset(
    (
        *("actionFailurePolicy", "alpnPolicy", "archivePolicy", "autoImportPolicy", "autoscalingPolicy"),
        *("basePolicyDocument", "browserPolicy", "contentSecurityPolicy", "dataDeletionPolicy"),
        *("defaultPolicy", "deletePropagationPolicy", "deliveryPolicy", "dnsPolicy"),
        *("dnsRecordClientRoutingPolicy", "excessCapacityTerminationPolicy", "filterPolicy"),
        *("gameServerProtectionPolicy", "httpsPolicy", "imagePullPolicy", "languageSelectionPolicy"),
        *("lifecyclePolicy", "newGameSessionProtectionPolicy", "notificationPolicy", "originProtocolPolicy"),
        *("paddingPolicy", "permissionPolicy", "policyBody", "protocolPolicy", "redriveAllowPolicy"),
        *("redrivePolicy", "referrerPolicy", "replayPolicy", "routingPolicy", "securityPolicy"),
        *("sizingPolicy", "snapshotPolicy", "sslPolicy", "streamExceptionPolicy", "terminationPolicies"),
        *("tlsPolicy", "tlsSecurityPolicy", "userContextPolicy", "viewerProtocolPolicy"),
        "webAppEndpointPolicy",
    )
)
"""Properties of AWS's that are called policies and are none of IAM's: of retries, caches, ciphers, routes."""
_NO_ACL = re.compile(r"^(aclName|networkAcl.*|webAcl.*)$")
_EVERYBODY = ("no-public-bucket", "no-public-grant", "no-public-trust")


def _rules(kind: Type, path: model.Path, value: object, right: object = None) -> set[str]:
    """The rules that a resource violates only for having `value` at `path`, where `right` would do."""
    with_it, without = (resource(kind.token, put(path, each)) for each in (value, right))
    return {
        rule.name
        for rule in RULES
        if rule.resource is not None
        if list(rule.resource(with_it, PRODUCTION)) != list(rule.resource(without, PRODUCTION))
    }


def _unread(
    package: str,
    wanted: Leaf,
    value: Callable[[str], object],
    rules: tuple[str, ...],
    right: object = None,
) -> tuple[int, list[str]]:
    """How many properties are wanted, and those of which none of `rules` says something."""
    count, unread = 0, []
    for kind in types(package):
        for path, _ in paths(kind, wanted):
            count += 1
            name = next(str(key) for key in reversed(path) if key != 0)
            if not _rules(kind, path, value(name), right) & set(rules):
                unread.append(f"{kind.token} {model.dotted(path)}")
    return count, unread


@cache
def _is_document(name: str, kind: str) -> bool:
    holds_text = "_builtins.str" in kind or "PolicyDocument" in kind
    return bool(holds_text and _POLICY.search(name) and name not in _NO_DOCUMENT)


def _is_acl(name: str, kind: str) -> bool:
    return name.lower().endswith("acl") and "_builtins.str" in kind and not _NO_ACL.match(name)


def test_every_policy_document_of_aws_is_read() -> None:
    count, unread = _unread("aws", _is_document, lambda _: UNKNOWN, ("judgeable",))

    others = (*tokens.OTHER_POLICIES, tokens.AWS_ENDPOINT, tokens.AWS_ENDPOINT_POLICY)
    assert [each for each in unread if not each.startswith(others)] == []
    assert count > 85


def _passing_unknown(package: str, wanted: Leaf) -> list[str]:
    """Where a wanted property is, or a list or a mapping above it, that may be unknown without a word."""
    return [
        f"{kind.token} {model.dotted(path[:end])}"
        for kind in types(package)
        for path, _ in paths(kind, wanted)
        for end in range(1, len(path) + 1)
        if not _rules(kind, path[:end], UNKNOWN) & {"judgeable"}
    ]


def test_nothing_above_a_policy_document_of_aws_passes_unknown() -> None:
    others = (*tokens.OTHER_POLICIES, tokens.AWS_ENDPOINT, tokens.AWS_ENDPOINT_POLICY)
    found = _passing_unknown("aws", _is_document)
    assert [each for each in found if not each.startswith(others)] == []


@pytest.mark.parametrize(("package", "acl"), [("aws", "public-read"), ("gcp", "publicRead")])
def test_every_acl_is_read(package: str, acl: str) -> None:
    count, unread = _unread(package, _is_acl, lambda _: acl, _EVERYBODY)
    assert unread == []
    assert count > 2


@pytest.mark.parametrize("package", ["aws", "gcp"])
def test_nothing_above_an_acl_passes_unknown(package: str) -> None:
    assert _passing_unknown(package, _is_acl) == []


_MEMBERS = ("member", "members", "policyData", "entity", "iamMember", "specialGroup", "roleEntities")


def _is_member(name: str, kind: str) -> bool:
    return name in _MEMBERS and "_builtins.str" in kind


def test_every_member_and_binding_of_google_is_read() -> None:
    given = {
        "policyData": '{"bindings": [{"role": "a", "members": ["allUsers"]}]}',
        "roleEntities": "READER:allUsers",
    }
    count, unread = _unread("gcp", _is_member, lambda name: given.get(name, "allUsers"), _EVERYBODY)
    assert unread == [f"{tokens.GCP_MEMBER_REMOVAL} member"]
    assert count > 470


def test_no_member_of_google_passes_unknown() -> None:
    def wanted(name: str, kind: str) -> bool:
        return name in ("member", "members", "policyData", "role") and "_builtins.str" in kind

    _, unread = _unread("gcp", wanted, lambda _: UNKNOWN, ("judgeable",))
    granting = [each for each in unread if re.search(r"(?i)iam(member|binding|policy)", each)]
    assert granting == [f"{tokens.GCP_MEMBER_REMOVAL} {name}" for name in ("member", "role")]


_PRINCIPALS = ("principal", "principals", "allowedPrincipals", "granteePrincipal", "principalArn")


def _is_principal(name: str, kind: str) -> bool:
    return name in _PRINCIPALS and "_builtins.str" in kind


def test_every_principal_of_aws_is_read() -> None:
    count, unread = _unread("aws", _is_principal, lambda _: "*", _EVERYBODY)
    assert unread == []
    assert count > 25


_BAD_POD = {"containers": [{"name": "a", "securityContext": {"privileged": True}}]}


def _holds_a_pod(name: str, kind: str) -> bool:
    return "PodSpecArgs" in kind or "PodSpecPatchArgs" in kind


def test_every_pod_of_kubernetes_is_read() -> None:
    count, unread = _unread("kubernetes", _holds_a_pod, lambda _: _BAD_POD, ("restricted-pods",))
    assert unread == []
    assert count > 30


def _is_public_flag(name: str, kind: str) -> bool:
    opens = (
        re.search(r"(?i)^(is|allow|enable|create|map|assign|associate)?public(ly)?", name)
        or name == "ipv4Enabled"
    )
    return bool(opens and "_builtins.bool" in kind)


_NO_WAY_IN = frozenset({"publiclyAdvertisable"})


@pytest.mark.parametrize("package", ["aws", "gcp"])
def test_every_flag_of_a_public_address_is_read(package: str) -> None:
    count, unread = _unread(
        package, _is_public_flag, lambda _: True, ("no-open-ingress", "no-public-database")
    )
    assert [each for each in unread if each.rpartition(".")[2].split()[-1] not in _NO_WAY_IN] == []
    assert count > 5


def _is_encryption(name: str, kind: str) -> bool:
    return name in ("encrypted", "storageEncrypted", "kmsEncrypted", "atRestEncryptionEnabled")


def test_every_flag_of_encryption_is_read() -> None:
    count, unread = _unread("aws", _is_encryption, lambda _: False, ("encryption-at-rest",), True)
    assert unread == []
    assert count > 30


def test_a_type_that_no_rule_knows_is_found() -> None:
    kind = Type("aws:new/thing:Thing", {"hiddenPolicy": "_builtins.str"}, types("aws")[0].module)

    assert list(paths(kind, _is_document)) == [(("hiddenPolicy",), "_builtins.str")]
    assert _rules(kind, ("hiddenPolicy",), UNKNOWN) == set()


def test_what_is_read_is_found_at_any_depth() -> None:
    role = next(kind for kind in types("aws") if kind.token == tokens.AWS_ROLE)
    assert {path for path, _ in paths(role, _is_document)} == {
        ("assumeRolePolicy",),
        ("inlinePolicies", 0, "policy"),
    }
