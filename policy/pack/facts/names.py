"""Knows names that a secret has."""

import re

_WORDS = frozenset(
    {"password", "passwd", "passphrase", "pass", "pwd", "token", "credential", "credentials", "secret"}
    | {"passwords", "dbpass", "rootpass", "userpass"}
)
_KEYS = (
    *("api_key", "apikey", "account_key", "auth_key", "client_secret", "encryption_key", "master_key"),
    *("fernet_key", "jwt_key", "secret_key_base"),
    *("private_key", "root_key", "secret_access_key", "secret_key", "shared_key", "signing_key"),
)
_NO_SECRET = re.compile(
    r"(^|_)(tls|pull|password|token|credentials?|key)_secret$|(^|_)(checksum|hash|sha256|digest)(_|$)"
    r"|^(max|min|num)_|(^|_)(file|files|path|dir|id|ids|name|ref|arn|url|uri|endpoint|type|ttl|version|enabled)$"
)
"""A name that is of a secret, and none: where it is, what it is called, a sum of it, how many."""
_REFERENCE = re.compile(
    r"^(\$[{(].*[})]|\$[A-Z_][A-Z0-9_]*|\{\{.*\}\}|%\w+%|/[^\s/]+/\S*|arn:[\w-]+:\S+|projects/\S+"
    r"|secretRef(:\S+)?|(vault|env|sm|ssm|op):\S+|file:/\S+|ENC\(.*\)|\{[A-Za-z_]+\}|<[A-Za-z _-]+>|\*+)$",
    re.DOTALL,
)
_NO_REFERENCE = re.compile(r"^\$(\{[^}:]*:[-=](?P<default>[^}]*)\}|\(\s*(echo|printf)\b.*\))$", re.DOTALL)
"""What looks like one and says the secret itself: a default of a shell's variable, an echo."""
_PLAIN = frozenset(
    {
        *("", "true", "false", "yes", "no", "0", "1", "none", "null", "enabled", "disabled"),
        *("required", "optional", "$", "|", "|-", ">", ">-", "-"),
    }
)


def joined(name: str) -> str:
    """`name` in lower case, its words joined by underscores: `connection-password`, `clientSecret`."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")


def names_a_secret(name: str) -> bool:
    words = re.sub(r"(_\d+)+$", "", joined(name))
    if _NO_SECRET.search(words):
        return False
    last = words.rpartition("_")[2]
    # PGPASSWORD
    return (
        last in _WORDS
        or last.endswith(("password", "passwd", "passphrase", "secretkey", "privatekey", "accesstoken"))
        or any(words == each or words.endswith(f"_{each}") for each in _KEYS)
    )


def is_reference(value: str) -> bool:
    """True if a value is none itself: it says where the secret is, or only switches something."""
    value = value.strip()
    if said := _NO_REFERENCE.match(value):
        return said["default"] is not None and is_reference(said["default"])
    if value.lower() in _PLAIN or _REFERENCE.match(value):
        return True
    # settings.password, in a program.
    before, dot, last = value.rpartition(".")
    return bool(dot) and before.isidentifier() and names_a_secret(last)
