"""Properties of Trino's connectors that hold a secret."""

import re

_ENDS = re.compile(
    r"(^|[.-])(password|passphrase|secret|shared-secret|secret-key|token|credential|credentials|credentials-key"
    r"|json-key|customer-key|private-key|api-key)$"
)
"""How the names end that Trino's connectors mark as sensitive (`@ConfigSecuritySensitive`)."""
_OTHERS = re.compile(r"^(azure|hive\.azure\.(abfs|wasb|adl))[.-](access-key|credential)$")
"""Where `access-key` is the key itself; elsewhere it is what AWS calls a key's id.

Trino marks ids and addresses too (`azure.oauth.client-id`): who knows these can do nothing with them. An
address with a password is found by its form.
"""


def is_secret(name: str) -> bool:
    """True if a catalog's property of this name holds a secret."""
    return bool(_ENDS.search(name) or _OTHERS.match(name))
