"""What a stack says of each endpoint to the people who use it."""

from collections.abc import Mapping
from typing import Any

from components.base import Auth, Endpoint, Password
from components.endpoints import (
    IcebergCatalogEndpoint,
    KafkaEndpoint,
    KeycloakEndpoint,
    NatsEndpoint,
    ObjectStoreEndpoint,
    PostgresEndpoint,
    ProjectionsEndpoint,
    RedisEndpoint,
    SparkEndpoint,
    TrinoEndpoint,
)
from infra.external import USER_IDENTITY


def plain(endpoint: Endpoint) -> Mapping[str, Any]:
    """What a client outside needs to connect, without credentials."""
    match endpoint:
        case KafkaEndpoint(outside_bootstrap_servers=servers, outside_protocol=protocol):
            return {"bootstrap_servers": servers, "security_protocol": protocol}
        case SparkEndpoint(outside_master=master, java_home=java_home):
            return {"master": master} if java_home is None else {"master": master, "java_home": java_home}
        case IcebergCatalogEndpoint(address=address, path=path, warehouse=warehouse):
            return {"url": address.outside.url("http", path), "warehouse": warehouse}
        case ObjectStoreEndpoint(address=address, buckets=buckets, region=region):
            return {"url": address.outside.url(), "region": region, "buckets": dict(buckets)}
        case TrinoEndpoint(address=address, catalogs=catalogs):
            return {"url": address.outside.url(), "catalogs": list(catalogs)}
        case KeycloakEndpoint(address=address, issuer=issuer, realm=realm, client=client):
            known = {"url": address.outside.url(), "issuer": issuer, "client": client}
            return known if realm is None else {**known, "realm": realm}
        case NatsEndpoint(address=address):
            return {"url": address.outside.url("nats")}
        case PostgresEndpoint(address=address, databases=databases):
            here = address.outside
            return {"host": here.host, "port": here.port, "databases": list(databases)}
        case ProjectionsEndpoint(addresses=addresses):
            return {
                "urls": {
                    view: {shard: address.outside.url() for shard, address in shards.items()}
                    for view, shards in addresses.items()
                }
            }
        case RedisEndpoint(address=address):
            here = address.outside
            return {"host": here.host, "port": here.port, "url": here.url("redis")}
    raise TypeError(f"{type(endpoint).__name__} has no plain form: add one here")


def credentials(endpoint: Endpoint) -> Mapping[str, Any]:
    """What a client outside shows: a secret."""
    match endpoint:
        case PostgresEndpoint(databases=databases):
            owners = {name: _auth(auth) for name, auth in databases.items()}
            return {**_auth(endpoint.auth), "databases": owners}
        case ObjectStoreEndpoint(identities=identities):
            services = {name: _auth(auth) for name, auth in identities.items()}
            return {**services.get(USER_IDENTITY, {}), "services": services}
        case ProjectionsEndpoint(key=key):
            return {"key": key}
        case SparkEndpoint(secret_conf=secret_conf):
            return {"conf": dict(secret_conf)}
    return _auth(endpoint.auth)


def _auth(auth: Auth) -> dict[str, Any]:
    return {"username": auth.username, "password": auth.password} if isinstance(auth, Password) else {}
