"""Asks container registries for the digests of tags, by the OCI distribution protocol.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md, with the anonymous bearer tokens that
public registries hand out to whoever pulls.
"""

import hashlib
import http.client
import json
import queue
import re
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from email.message import Message

from components.software.images import split_host
from providers.local.artifacts.trust import private_bundle

# An index first: its digest names the images of all platforms.
_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# A name without a host is one of Docker Hub, and "docker.io" is no host that serves it: the rule of every
# client (github.com/distribution/reference).
_HUB = "docker.io"
_HUB_HOST = "registry-1.docker.io"
_HUB_NAMESPACE = "library"


class RegistryError(Exception):
    """A registry answered, and gave no digest for a tag."""


class UnreachableError(RegistryError):
    """A registry did not answer."""


@dataclass(frozen=True)
class Tag:
    """A tag of a repository. `host` is the registry's, with its port if it has one."""

    host: str
    repository: str
    tag: str

    @property
    def registry(self) -> str:
        """The registry as people name it."""
        return _HUB if self.host == _HUB_HOST else self.host

    @property
    def manifest(self) -> str:
        """The address of the tag's manifest. Plain HTTP is for loopback only, as Docker has it."""
        name = urllib.parse.urlsplit(f"//{self.host}").hostname
        scheme = "http" if name in _LOOPBACK else "https"
        return f"{scheme}://{self.host}/v2/{self.repository}/manifests/{self.tag}"


def parse(reference: str) -> Tag:
    """Returns the parts of `[host[:port]/]repository:tag`. Raises ValueError for one without a tag."""
    host, name = split_host(reference)
    repository, colon, tag = name.partition(":")
    if not colon:
        raise ValueError(f"{reference} has no tag. Write it as repository:tag.")
    if host not in (None, _HUB):
        return Tag(host, repository, tag)
    return Tag(_HUB_HOST, repository if "/" in repository else f"{_HUB_NAMESPACE}/{repository}", tag)


def digest(reference: str, timeout: float, context: ssl.SSLContext) -> str:
    """Returns the digest (`sha256:…`) that the registry has for a tag now.

    `timeout` bounds each step of the exchange, in seconds. Raises UnreachableError for a registry that does
    not answer, and RegistryError for one that refuses or has no such tag.
    """
    tag = parse(reference)
    headers = {"Accept": ", ".join(_MANIFESTS)}
    try:
        try:
            answer, _ = _request("HEAD", tag.manifest, headers, timeout, context)
        except urllib.error.HTTPError as error:
            if error.code != 401:
                raise
            error.close()
            headers["Authorization"] = f"Bearer {_token(tag, error.headers, timeout, context)}"
            answer, _ = _request("HEAD", tag.manifest, headers, timeout, context)
        found = answer.get("Docker-Content-Digest")
        if found is None:  # The specification lets a registry leave it out.
            _, body = _request("GET", tag.manifest, headers, timeout, context)
            found = f"sha256:{hashlib.sha256(body).hexdigest()}"
    except urllib.error.HTTPError as error:
        raise _refused(reference, tag, error.code) from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise UnreachableError(f"{tag.registry} does not answer: {error}") from error
    if not _DIGEST.fullmatch(found):
        raise RegistryError(f"{reference}: {tag.registry} answers with {found!r}, which is no sha256 digest.")
    return found


def digests(references: Iterable[str], seconds: float) -> Mapping[str, str | RegistryError]:
    """Asks for the digests of all `references` at once; an answer is a digest, or why there is none.

    All answers together take at most `seconds`: whoever has not answered by then counts as unreachable.
    """
    wanted = list(references)
    bundle = private_bundle()
    context = ssl.create_default_context(cafile=str(bundle) if bundle else None)
    answers: queue.Queue[tuple[str, str | RegistryError]] = queue.Queue()
    for reference in wanted:
        # A daemon: looking up a name cannot be given a timeout, and must not hold up the end of the program.
        threading.Thread(target=_answer, args=(reference, seconds, context, answers.put), daemon=True).start()
    found: dict[str, str | RegistryError] = {}
    deadline = time.monotonic() + seconds
    while len(found) < len(wanted):
        try:
            reference, answer = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        found[reference] = answer
    for reference in wanted:
        if reference not in found:
            late = f"{parse(reference).registry} does not answer within {seconds:.0f} s"
            found[reference] = UnreachableError(late)
    return found


def _answer(
    reference: str,
    timeout: float,
    context: ssl.SSLContext,
    put: Callable[[tuple[str, str | RegistryError]], None],
) -> None:
    try:
        put((reference, digest(reference, timeout, context)))
    except RegistryError as error:
        put((reference, error))


def _token(tag: Tag, challenge: Message, timeout: float, context: ssl.SSLContext) -> str:
    """Returns a token to pull with, from the address that the registry names in its challenge."""
    scheme, _, rest = challenge.get("WWW-Authenticate", "").partition(" ")
    parameters = dict(_CHALLENGE.findall(rest))
    realm = urllib.parse.urlsplit(parameters.pop("realm", ""))
    trusted = {"https", urllib.parse.urlsplit(tag.manifest).scheme}
    if scheme.lower() != "bearer" or realm.scheme not in trusted:
        raise RegistryError(f"{tag.registry} asks for credentials that `make lock` does not have ({scheme}).")
    query = urllib.parse.urlencode([*urllib.parse.parse_qsl(realm.query), *parameters.items()])
    _, body = _request("GET", realm._replace(query=query).geturl(), {}, timeout, context)
    document = json.loads(body)
    if not (token := document.get("token") or document.get("access_token")):
        raise RegistryError(f"{tag.registry} hands out no token to pull with. Run `make lock` again later.")
    return str(token)


def _request(
    method: str, address: str, headers: Mapping[str, str], timeout: float, context: ssl.SSLContext
) -> tuple[Message, bytes]:
    request = urllib.request.Request(address, headers=dict(headers), method=method)  # noqa: S310  (an http address)
    with urllib.request.urlopen(request, timeout=timeout, context=context) as answer:  # noqa: S310  (the same)
        return answer.headers, answer.read()


def _refused(reference: str, tag: Tag, code: int) -> RegistryError:
    if code == 404:
        return RegistryError(f"{reference}: {tag.registry} has no such tag. Correct the software table.")
    if code >= 500:
        return UnreachableError(f"{tag.registry} answers {code}")
    return RegistryError(
        f"{reference}: {tag.registry} refuses to say its digest ({code}). Run `make lock` again later."
    )
