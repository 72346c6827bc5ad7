"""Names by which a value is held to be a secret."""

import re

_WORDS = frozenset(
    {"password", "passwd", "passphrase", "pwd", "token", "credential", "credentials", "secret"}
)
_KEYS = (
    *("api_key", "apikey", "account_key", "encryption_key", "private_key", "secret_key"),
    *(
        "signing_key",
        "master_key",
        "root_key",
        "auth_key",
        "shared_key",
        "secret_access_key",
        "client_secret",
    ),
)
_NO_SECRET = re.compile(
    r"(^|_)(tls|pull)_secret$"
    r"|(^|_)(file|files|path|dir|id|ids|name|ref|arn|url|uri|endpoint|type|ttl|version|enabled)$"
)
"""What a name ends with that is of a secret, and none: where it is, what it is called."""
_REFERENCE = re.compile(
    r"^(\$[{(].*[})]|\$\w+|\{\{.*\}\}|%\w+%|/\S*|arn:\S+|projects/\S+|secretRef\S*|\{\w+\}|<.*>|\*+)$",
    re.DOTALL,
)
_PLAIN = frozenset(
    {
        "",
        "true",
        "false",
        "none",
        "null",
        "yes",
        "no",
        "required",
        "optional",
        "0",
        "1",
        "disabled",
        "enabled",
    }
)


def joined(name: str) -> str:
    """`name` in lower case, its words joined by underscores: `connection-password`, `clientSecret`."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")


def names_a_secret(name: str) -> bool:
    words = joined(name)
    if _NO_SECRET.search(words):
        return False
    return words.rpartition("_")[2] in _WORDS or any(
        words == each or words.endswith(f"_{each}") for each in _KEYS
    )


def is_reference(value: str) -> bool:
    """Whether a value is none itself: it says where the secret is, or only switches something."""
    return value.strip().lower() in _PLAIN or _REFERENCE.match(value.strip()) is not None
