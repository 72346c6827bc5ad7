"""Rules for encryption at rest and in transit."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from policy.pack.facts.objects import of_kind
from policy.pack.facts.stores import unencrypted, without_key
from policy.pack.model import UNKNOWN, Resource, Rule, Stack, Unclear, differs, dotted, get, unclear, unknown
from policy.pack.tokens import (
    AWS_BUCKET_ENCRYPTION,
    AWS_CACHE,
    AWS_CACHE_CLUSTER,
    AWS_DATABASE_CLUSTER_PARAMETERS,
    AWS_DATABASE_PARAMETERS,
    AWS_KAFKA,
    AWS_LISTENER,
    AWS_LISTENER_ALB,
    AWS_LOAD_BALANCER_CLASSIC,
    AWS_SEARCH,
    AWS_SEARCH_LEGACY,
    GCP_DATABASE,
    GCP_REDIS,
)

_TLS: Mapping[str, tuple[str, tuple[Any, ...]]] = {
    AWS_CACHE: ("transitEncryptionEnabled", (True,)),
    AWS_SEARCH: ("domainEndpointOptions.enforceHttps", (True,)),
    AWS_SEARCH_LEGACY: ("domainEndpointOptions.enforceHttps", (True,)),
    GCP_DATABASE: (
        "settings.ipConfiguration.sslMode",
        ("ENCRYPTED_ONLY", "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"),
    ),
    GCP_REDIS: ("transitEncryptionMode", ("SERVER_AUTHENTICATION",)),
}
"""The property by which each type takes TLS only, and its values that do."""
_FORCED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "postgres": ("rds.force_ssl", ("1",)),
    "aurora-postgresql": ("rds.force_ssl", ("1",)),
    "mysql": ("require_secure_transport", ("1", "on")),
    "mariadb": ("require_secure_transport", ("1", "on")),
    "aurora-mysql": ("require_secure_transport", ("1", "on")),
}
"""The parameter of each family of databases, and its values that force TLS."""

_VOLUMES: Mapping[str, tuple[str, str]] = {
    "ebs.csi.aws.com": ("encrypted", "true"),
    "ebs.csi.eks.amazonaws.com": ("encrypted", "true"),
    "kubernetes.io/aws-ebs": ("encrypted", "true"),
    "pd.csi.storage.gke.io": ("disk-encryption-kms-key", ""),
    "kubernetes.io/gce-pd": ("disk-encryption-kms-key", ""),
}
"""The parameter by which each provisioner encrypts, and its value; none where it is a key's name."""


def encryption_at_rest(resource: Resource, stack: Stack) -> Iterator[str]:
    for path, value in unencrypted(resource):
        if value is not UNKNOWN:
            yield f"{resource.kind} has something that is not encrypted: set {dotted(path)} to true"
    if key := without_key(resource):
        yield f"{resource.kind} has no key of the stack's own: set {key}"
    for storage in of_kind(resource, "StorageClass"):
        if stack.production:
            for each in unclear(storage.content, "provisioner", at=storage.path):
                yield each.said_of(resource)
        name, wanted = _VOLUMES.get(str(storage.get("provisioner")), ("", ""))
        given = storage.get(f"parameters.{name}")
        if wanted and given is UNKNOWN and stack.production:
            yield Unclear((*storage.path, "parameters", name)).said_of(resource)
        if name and (given is None or (wanted and differs(given, wanted))):
            yield (
                f"{storage.called(resource)} makes volumes that are not encrypted as they should be: set "
                f"parameters.{name} to {json.dumps(wanted) if wanted else 'a key of the stack'}"
            )
    if resource.type == AWS_BUCKET_ENCRYPTION:
        yield from unknown(resource, stack, "rules.applyServerSideEncryptionByDefault.sseAlgorithm")
        for rule in resource.items("rules"):
            algorithm = get(rule, "applyServerSideEncryptionByDefault.sseAlgorithm")
            if differs(algorithm, "aws:kms", "aws:kms:dsse"):
                yield f"{resource.kind} uses {algorithm}, which has no key of the stack's own: use aws:kms"


def tls_in_transit(resource: Resource, stack: Stack) -> Iterator[str]:
    if (tls := _TLS.get(resource.type)) is not None:
        path, values = tls
        if differs(resource.get(path), *values):
            yield f"{resource.kind} takes clear text: set {path} to {json.dumps(values[0])}"
        yield from unknown(resource, stack, path)
    match resource.type:
        case _ if resource.type in (AWS_LISTENER, AWS_LISTENER_ALB):
            protocol = str(resource.get("protocol")).upper()
            if protocol in ("HTTP", "TCP", "TCP_UDP") and not _redirects(resource):
                yield f"{resource.kind} takes clear text: use HTTPS or TLS, or redirect to it"
            yield from unknown(resource, stack, "protocol")
        case _ if resource.type == AWS_LOAD_BALANCER_CLASSIC:
            yield from unknown(resource, stack, "listeners.lbProtocol")
            if any(
                str(get(each, "lbProtocol")).upper() in ("HTTP", "TCP")
                for each in resource.items("listeners")
            ):
                yield f"{resource.kind} takes clear text: use HTTPS or SSL for lbProtocol"
        case _ if resource.type in (AWS_DATABASE_PARAMETERS, AWS_DATABASE_CLUSTER_PARAMETERS):
            yield from unknown(resource, stack, "family")
            yield from _parameters(resource)
        case _ if resource.type == AWS_CACHE_CLUSTER and resource.get("replicationGroupId") is None:
            if differs(resource.get("transitEncryptionEnabled", False), True):
                yield f"{resource.kind} takes clear text: set transitEncryptionEnabled to true"
            yield from unknown(resource, stack, "transitEncryptionEnabled")
        case _ if resource.type == AWS_KAFKA:
            yield from unknown(resource, stack, "encryptionInfo.encryptionInTransit.clientBroker")
            if differs(resource.get("encryptionInfo.encryptionInTransit.clientBroker", "TLS"), "TLS"):
                yield f"{resource.kind} takes clear text: set encryptionInTransit.clientBroker to TLS"
    for ingress in of_kind(resource, "Ingress"):
        given = ingress.get("spec.tls")
        if given is UNKNOWN:
            if stack.production:
                yield Unclear((*ingress.path, "spec", "tls")).said_of(resource)
        elif not given and not ingress.partial:
            yield f"{ingress.called(resource)} takes clear text: give spec.tls"


def _redirects(listener: Resource) -> bool:
    """True if a listener only redirects to TLS: without a protocol a redirect keeps the listener's own."""
    actions = listener.items("defaultActions")
    to_tls = [
        get(each, "redirect.protocol") == "HTTPS" for each in actions if get(each, "type") == "redirect"
    ]
    return bool(actions) and len(to_tls) == len(actions) and all(to_tls)


def _parameters(resource: Resource) -> Iterator[str]:
    family = str(resource.get("family", "")).lower().rstrip("0123456789.")
    if (forced := _FORCED.get(family)) is None:
        return
    name, values = forced
    given = [get(each, "value") for each in resource.items("parameters") if get(each, "name") == name]
    if not given or not all(str(each).lower() in values for each in given):
        yield f"{resource.kind} allows clear text: set the parameter {name} to {values[0]}"


RULES = (
    Rule(
        "encryption-at-rest",
        "What is stored is encrypted, with a key of the stack's own where the cloud takes one.",
        resource=encryption_at_rest,
        development="advisory",
    ),
    Rule("tls-in-transit", "Nothing takes clear text where it can be TLS.", resource=tls_in_transit),
)
