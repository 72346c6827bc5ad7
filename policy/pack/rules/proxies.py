"""Rules for Google Cloud's proxies without TLS: they may only redirect to TLS."""

from collections.abc import Iterator, Sequence

from policy.pack.model import Resource, Rule, Stack, Violation, items, nodes, of_types
from policy.pack.tokens import GCP_HTTP_PROXIES, GCP_URL_MAPS


def no_clear_text_proxy(resources: Sequence[Resource], stack: Stack) -> Iterator[Violation]:
    redirecting = [found for found in of_types(resources, *GCP_URL_MAPS) if _only_redirects(found)]
    for proxy in of_types(resources, *GCP_HTTP_PROXIES):
        if not any(_is_map_of(found, proxy) for found in redirecting):
            yield Violation(
                f"{proxy.kind} takes clear text: use a TargetHttpsProxy, or a URL map that only redirects "
                "(defaultUrlRedirect.httpsRedirect)",
                proxy.urn,
            )


def _is_map_of(found: Resource, proxy: Resource) -> bool:
    """By the resource that the proxy's property comes from, which a preview knows, or by its address."""
    known = [each for each in (found.get("id"), found.get("selfLink")) if isinstance(each, str) and each]
    return found.urn in proxy.uses.get("urlMap", frozenset()) or proxy.get("urlMap") in known


def _only_redirects(found: Resource) -> bool:
    """True if all that a map of URLs does is to redirect to TLS; one with rules of paths may do more."""
    services = [
        value for path, value in nodes(found.properties) if path[-1:] == ("defaultService",) and value
    ]
    matchers = items(found.properties, "pathMatchers")
    return found.get("defaultUrlRedirect.httpsRedirect") is True and not matchers and not services


RULES = (
    Rule(
        "no-clear-text-proxy",
        "A proxy of Google Cloud takes clear text only to redirect to TLS.",
        stack=no_clear_text_proxy,
    ),
)
