"""Finds secrets in clear, in places that anybody who may see the resource can read."""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from policy.pack.facts.names import is_reference, names_a_secret
from policy.pack.model import Path, Resource, dotted, nodes
from policy.pack.tokens import AWS_PARAMETER, KUBERNETES_SECRET

CLOUD_KEY = re.compile(r'\b(AKIA|ASIA)[A-Z0-9]{16}\b|"type"\s*:\s*"service_account"|\bAIza[\w-]{35}\b')
_SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\b(gh[pousr]_\w{36}|github_pat_\w{22}|glpat-[\w-]{20}|xox[baprs]-[\w-]{10}|pul-[0-9a-f]{40})"
    r"|\b(hvs\.[\w-]{24}|dapi[0-9a-f]{32}|[sr]k_live_\w{16}|npm_\w{36}|pypi-AgE[\w-]{16}|GOCSPX-[\w-]{20})"
    r"|\bya29\.[\w-]{20}|\bhooks\.slack\.com/services/T\w{6,12}/B\w{6,12}/\w{16}"
    r"|(?<![\w-])eyJ[\w-]{10,}+\.eyJ[\w-]{10,}+\.[\w-]{10}"
    r"|(?<=[a-z0-9+.-])://[^/@:\s\"']*:(?P<in_url>[^/@\s\"']+)@"
    r"|:(?P<in_dsn>[^\s:@/\"']{1,128})@(?:tcp|unix)\("
    r"|(?:^|[;?&\s-])(?:password|passwd|pwd|sig|SharedAccessKey|AccountKey|AWS_SECRET_ACCESS_KEY)"
    r"=\\?[\"']?(?P<in_string>[^;&\s\"']+)"
    r"|(?:^|\s)-D[\w.-]*(?:password|passphrase|secret|token)=(?P<in_java>[^\s\"']+)",
    re.IGNORECASE,
)
_ARGUMENT = re.compile(r"^--?(?P<name>[\w.-]+?)[=\s]+(?P<value>.+)$", re.DOTALL)
_PAIR = re.compile(
    r"(?:^[ \t]*(?:- |export )?[\"']?(?P<first>[A-Za-z_][\w.-]*)[\"']?[ \t]*[:=][ \t]*"
    r"|[{,][ \t]*[\"']?(?P<inner>[A-Za-z_][\w.-]*)[\"']?[ \t]*:[ \t]*"
    r"|(?<![\w.$-])(?P<joined>[A-Za-z_][\w.-]*)=)[\"']?"
    r"(?P<value>\$\{[^}]{0,256}\}|\$\([^)]{0,256}\)|\{\{.{0,256}?\}\}|[^\s\"',;#{}\[\]()<>]++)(?![\[(])",
    re.MULTILINE,
)
"""A name and its value in a file or a command: JSON, YAML, properties, a shell's. A call has no value, and
`The password: ask` is none."""
_SCRIPTS = frozenset({"metadataStartupScript", "startupScript", "userData", "userDataBase64"})
_KEPT_ELSEWHERE = ("PARAMETER_STORE", "SECRETS_MANAGER")
"""Types of a variable whose value is the name of a secret."""
_PLACES = frozenset(
    {
        *("variables", "environmentVariables", "buildEnvironmentVariables", "runtimeEnvironmentVariables"),
        *(
            "annotations",
            "args",
            "argument",
            "arguments",
            "command",
            "commands",
            "env",
            "envs",
            "environment",
        ),
        *("environments", "labels", "tags", "description", "metadata", "metadataStartupScript", "userData"),
        *(
            "userDataBase64",
            "containerDefinitions",
            "configurationValues",
            "defaultArguments",
            "startupScript",
        ),
        *("airflowConfigOverrides", "airflowConfigurationOptions", "configurationsJson"),
        *("connectorConfiguration", "envVariables", "serverProperties"),
        *("containerProperties", "nodeProperties", "parameters", "options", "connectionProperties"),
    }
)
"""Properties, at any depth, whose contents the cloud or the cluster shows to whoever may see the resource."""


_KEPT = frozenset(
    {
        *("secretString", "secretStringWo", "secretBinary", "secretData", "secretDataWo", "passwordWo"),
        *("masterPasswordWo", "username", "userName", "masterUsername", "plaintext"),
        *("presharedKey", "tunnel1PresharedKey", "tunnel2PresharedKey", "publicKey", "certificateBody"),
        *("certificateChain", "certificate", "rawKey", "rsaEncryptedKey"),
    }
)
"""Properties that are for secrets without being called so, and those that are for what is none."""
_COMMANDS = ("args", "command", "commands", "arguments")


@dataclass(frozen=True)
class Place:
    """A text at `path`, known there as `name`; `marked` if the engine knows that it is secret."""

    path: Path
    name: str
    value: Any
    marked: bool
    is_argument: bool = False
    is_file: bool = False


def in_clear(resource: Resource) -> Iterator[tuple[Path, str]]:
    """Returns the places of a resource that hold a secret in clear, with the reason for each."""
    for place in places(resource):
        if place.marked:
            yield place.path, "is a secret of the stack"
        elif isinstance(place.value, str) and (why := _why(place)):
            yield place.path, why


def _why(place: Place) -> str:
    value = str(place.value)
    if has_secret(value):
        return "has a secret by its form"
    named = [(place.name, value)]
    if place.is_file or place.is_argument:
        named = [
            (each["first"] or each["inner"] or each["joined"], each["value"])
            for each in _PAIR.finditer(value)
            if not _is_assignment(each)
        ]
    if place.is_argument and (found := _ARGUMENT.match(value)):
        named.append((found["name"], found["value"]))
    said = next((name for name, each in named if _is_named(place, name) and not is_reference(each)), "")
    return f"has a secret by its name ({said})" if said else ""


def _is_assignment(pair: re.Match[str]) -> bool:
    """True if it gives an attribute of a program another's value: `self.token = token`."""
    bare = pair.string[pair.start("value") - 1] not in "\"'"
    return (pair["first"] or "").startswith(("self.", "this.")) and bare and pair["value"].isidentifier()


def _is_named(place: Place, name: str) -> bool:
    """True if what is called `name` is a secret. An ingress' annotation names the Secret that has it."""
    names_another = "annotations" in place.path and "ingress.kubernetes.io/" in name and "secret" in name
    return names_a_secret(name) and not names_another


def has_secret(text: str) -> bool:
    """True if a text has a key, a token, or an address with a password, by its form."""
    for found in _SECRET.finditer(text):
        given = found["in_url"] or found["in_dsn"] or found["in_string"] or found["in_java"]
        if given is None or not is_reference(given):
            return True
    return bool(CLOUD_KEY.search(text))


def texts_of(resource: Resource) -> Iterator[tuple[Path, str]]:
    """Returns every text of a resource, as its reader would see it; texts that are meant for secrets
    included."""
    for path, value in resource.nodes:
        if isinstance(value, str):
            yield path, value
            if resource.package == "kubernetes" and path[0] in ("data", "binaryData"):
                yield path, _decoded(value)


def places(resource: Resource) -> Iterator[Place]:
    """Returns every text of the resource that others may read."""
    if resource.type == AWS_PARAMETER and resource.get("type") != "SecureString":
        yield from _of_a_parameter(resource)
    if resource.package == "kubernetes":
        yield from _of_an_object(resource)
    elif resource.package in ("aws", "gcp"):
        for path, value in resource.nodes:
            if any(key in _PLACES for key in path):
                yield from _texts(resource, path, value)
            elif (
                resource.is_secret(path)
                and not isinstance(value, (Mapping, list))
                and not _keeps(resource, path)
            ):
                yield Place(path, "", value, marked=True)


def _of_a_parameter(resource: Resource) -> Iterator[Place]:
    """By its name or the resource's, one of which says what is in it."""
    for key in ("value", "insecureValue"):
        for name in dict.fromkeys((str(resource.get("name", "")), resource.name)):
            yield Place((key,), name, resource.get(key), resource.is_secret((key,)))


def _keeps(resource: Resource, path: Path) -> bool:
    """True if a cloud keeps what is at `path` to itself: the property is for a secret, or for a name."""
    if resource.type == AWS_PARAMETER and path[0] in ("value", "insecureValue", "valueWo"):
        return True  # the type of the parameter says whether it is
    # A key with a dot or an underscore is no property's: it is a user's own, in a mapping.
    properties = [key for key in path if isinstance(key, str) and key.isalnum()]
    return any(key in _KEPT or names_a_secret(key) for key in properties)


def _of_an_object(resource: Resource) -> Iterator[Place]:
    kept = resource.type in (KUBERNETES_SECRET, f"{KUBERNETES_SECRET}Patch")
    for path, value in resource.nodes:
        if kept and path and path[0] in ("data", "stringData"):
            continue
        if path and path[0] in ("data", "binaryData"):
            if isinstance(value, str):
                text = _decoded(value) if path[0] == "binaryData" else value
                yield Place(path, str(path[-1]), text, resource.is_secret(path), is_file=True)
                yield Place(path, str(path[-1]), text, False)
        elif path:
            yield from _texts(resource, path, value)


def _texts(resource: Resource, path: Path, value: Any) -> Iterator[Place]:
    if isinstance(value, list) and _last(path) in _COMMANDS:
        yield from _arguments(path, value)
    if isinstance(value, (Mapping, list)):
        return
    # Elsewhere in an object of Kubernetes a word such as `credentials` names a Secret.
    name = _named(resource.properties, path) if any(key in _PLACES for key in path) else ""
    is_argument = _last(path) in _COMMANDS
    yield Place(path, name, value, resource.is_secret(path), is_argument=is_argument)
    if not isinstance(value, str):
        return
    if _last(path) in _SCRIPTS:
        yield Place(path, name, _decoded(value), False, is_file=True)
    if "\n" in value or _last(path) in _SCRIPTS:
        yield Place(path, name, value, False, is_file=True)
    for inner, text in _within(value):
        yield Place((*path, *inner), _name_in(inner, value), text, False)


def _arguments(path: Path, given: list[Any]) -> Iterator[Place]:
    """The arguments that have their name before them: `--password`, `word`."""
    for index, (name, value) in enumerate(pairwise(given)):
        if isinstance(name, str) and re.fullmatch(r"--?[\w.-]+", name) and not str(value).startswith("-"):
            yield Place((*path, index + 1), name, value, False)


def _within(text: str) -> Iterator[tuple[Path, Any]]:
    """The texts of JSON in a string: definitions of containers, and values of add-ons."""
    if text.lstrip().startswith(("{", "[")):
        try:
            content = json.loads(text)
        except ValueError:
            return
        yield from ((path, each) for path, each in nodes(content) if isinstance(each, str))


def _name_in(path: Path, text: str) -> str:
    return _named(json.loads(text), path)


def _named(whole: Any, path: Path) -> str:
    """What a value is called: its key, or the name beside it in a list of names and values."""
    if path and path[-1] == "value":
        beside = whole
        for key in path[:-1]:
            beside = beside[key]
        if isinstance(beside, Mapping) and isinstance(beside.get("name"), str):
            return "" if beside.get("type") in _KEPT_ELSEWHERE else str(beside["name"])
    return _last(path)


def _last(path: Path) -> str:
    return next((key for key in reversed(path) if isinstance(key, str)), "")


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        return text


def said_of(resource: Resource, path: Path, why: str) -> str:
    return f"{resource.kind}: {dotted(path)} {why}: keep it in a Secret, or in the cloud's secret store"
