"""The bearer tokens of tenants. The service's key makes one for each tenant, which opens its views and no
others."""

import hashlib
import hmac


def make_token(key: str, tenant: str) -> str:
    """Returns the bearer token that opens the views of `tenant`, and no others."""
    return hmac.new(key.encode(), b"tenant:" + tenant.encode(), hashlib.sha256).hexdigest()


def verify_token(key: str, tenant: str, token: str) -> bool:
    """Returns whether `token` is the one of `tenant`. How long this takes does not depend on `token`."""
    return hmac.compare_digest(make_token(key, tenant).encode(), token.encode("utf-8", "replace"))
