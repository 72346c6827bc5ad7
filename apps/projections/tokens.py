"""Who may read a tenant's views: whoever holds the token that the service's key makes for that tenant."""

import hashlib
import hmac


def make_token(key: str, tenant: str) -> str:
    """The bearer token that opens `tenant`, and no other."""
    return hmac.new(key.encode(), b"tenant:" + tenant.encode(), hashlib.sha256).hexdigest()


def verify_token(key: str, tenant: str, given: str) -> bool:
    return hmac.compare_digest(make_token(key, tenant).encode(), given.encode("utf-8", "replace"))
