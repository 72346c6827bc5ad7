"""Servers of the user's own, as a stack file gives them."""

from typing import Any

PEM = """\
-----BEGIN CERTIFICATE-----
MIIBOjCB4qADAgECAhQJ6CeYDWPbTXt4cvscwP79bo2sXzAKBggqhkjOPQQDAjAS
MRAwDgYDVQQDDAdleGFtcGxlMB4XDTI2MTEyMTE0MDI1NloXDTI2MTIyMTE1MDI1
NlowEjEQMA4GA1UEAwwHZXhhbXBsZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA
BAg7SWVTL/XbqDnREXfxYBoNLlZgGENt2Z3JwiB99VwBgLm1E9N5wkjvZF8B3Dqd
66Pn3aeNyQDlNJ+B1B7glHujFjAUMBIGA1UdEwEB/wQIMAYBAf8CAQAwCgYIKoZI
zj0EAwIDRwAwRAIgFYlU+FcM4oq6Sia3gOyF+Bjm84H/rDDYWagJKZan1WQCIEnw
zmyRCwjQpkiHqxhzeFT62jsSPOnDO+9mJDtmgzi4
-----END CERTIFICATE-----
"""
"""Of an authority whose key nobody has."""

POSTGRES: dict[str, Any] = {
    "host": "db.example.org",
    "port": 6432,
    "ca": PEM,
    "databases": {
        "iceberg_catalog": {"username": "nessie", "password": "given-nessie", "name": "lake_catalog"},
        "keycloak": {"username": "sso", "password": "given-sso"},
    },
}
ADMINISTERED: dict[str, Any] = {
    "host": "db.example.org",
    "tls": "required",
    "admin": {"username": "dba", "password": "given-dba"},
}
OBJECT_STORE: dict[str, Any] = {
    "url": "https://s3.example.org",
    "region": "eu-west-1",
    "path_style": False,
    "ca": PEM,
    "buckets": {"warehouse": "acme-lake", "bronze": "acme.landing"},
    "access_key": "AKIAACME",
    "secret_key": "given-secret-key",
}
KAFKA: dict[str, Any] = {
    "bootstrap_servers": ["k1.example.org:9093", "k2.example.org:9094"],
    "sasl": {"username": "nebula", "password": "given-sasl"},
}
REDIS: dict[str, Any] = {"host": "cache.example.org", "port": 6390, "ca": PEM, "password": "given-redis"}
OIDC: dict[str, Any] = {"issuer": "https://sso.example.org/realms/data", "client": "lakehouse"}

ALL = {"postgres": POSTGRES, "object_store": OBJECT_STORE, "kafka": KAFKA, "redis": REDIS, "oidc": OIDC}
SECRETS = ("given-nessie", "given-sso", "given-dba", "given-secret-key", "given-sasl", "given-redis")
