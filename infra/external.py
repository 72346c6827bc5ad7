"""Makes endpoints of a site's own servers."""

from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

import pulumi
from pydantic import SecretStr

from components.base import Address, Anonymous, Auth, Endpoint, HostPort, Password, Tls
from components.endpoints import (
    USER_IDENTITY,
    KafkaEndpoint,
    KeycloakEndpoint,
    ObjectStoreEndpoint,
    PostgresEndpoint,
    RedisEndpoint,
)
from infra.declared import EXTERNAL_KEYS, STORE_IDENTITIES
from infra.external_settings import (
    External,
    ExternalKafka,
    ExternalObjectStore,
    ExternalOidc,
    ExternalPostgres,
    ExternalRedis,
    Login,
)
from infra.stack_file import KEY


def endpoints(external: External, on: Collection[str], buckets: Collection[str]) -> Mapping[str, Endpoint]:
    """Returns the endpoint of each component that the site brings. `on` names the services that need a
    key of the object store, `buckets` the logical names of the buckets that they need."""
    found: dict[str, Endpoint] = {}
    if external.postgres is not None:
        found["postgres"] = _postgres(external.postgres)
    if external.object_store is not None:
        found["object_store"] = _object_store(external.object_store, on, buckets)
    if external.kafka is not None:
        found["kafka"] = _kafka(external.kafka)
    if external.redis is not None:
        found["redis"] = _redis(external.redis)
    if external.oidc is not None:
        found["keycloak"] = _issuer(external.oidc)
    return found


def key_of(component: str) -> str:
    """Returns the key of the stack file under which a site brings `component`."""
    return f"{KEY}.external.{EXTERNAL_KEYS[component]}"


def _postgres(given: ExternalPostgres) -> PostgresEndpoint:
    address = _address(given.host, given.port, tls=given.tls != "disabled")
    return PostgresEndpoint(
        component="postgres",
        external=(address.inside,),
        tls=Tls(given.tls, given.ca),
        auth=Anonymous() if given.admin is None else _login(given.admin),
        address=address,
        databases={name: _login(owner) for name, owner in given.databases.items()},
        names={name: owner.name for name, owner in given.databases.items() if owner.name},
        volume=f"{given.host}:{given.port}",
    )


def _object_store(
    given: ExternalObjectStore, on: Collection[str], buckets: Collection[str]
) -> ObjectStoreEndpoint:
    address = _origin(given.url)
    keys: dict[str, Auth] = {}
    if given.access_key is not None and given.secret_key is not None:
        common = Password(given.access_key, _secret(given.secret_key))
        keys = dict.fromkeys((*(name for name in STORE_IDENTITIES if name in on), USER_IDENTITY), common)
    keys |= {
        name: Password(key.access_key, _secret(key.secret_key))
        for name, key in given.services.items()
        if name in on
    }
    names = {name: given.buckets.get(name, name) for name in (*buckets, *given.buckets)}
    return ObjectStoreEndpoint(
        component="object_store",
        external=(address.inside,),
        tls=Tls("verify-full", given.ca) if address.inside.tls else Tls(),
        address=address,
        buckets={name: f"s3://{bucket}" for name, bucket in names.items()},
        identities=keys,
        region=given.region,
        path_style=given.path_style,
        volume=given.url,
    )


def _kafka(given: ExternalKafka) -> KafkaEndpoint:
    brokers = []
    for server in given.bootstrap_servers:
        host, _, port = server.rpartition(":")
        brokers.append(_address(host, int(port), tls=given.tls != "disabled"))
    sasl = given.sasl
    return KafkaEndpoint(
        component="kafka",
        external=tuple(broker.inside for broker in brokers),
        tls=Tls(given.tls, given.ca),
        auth=Anonymous() if sasl is None else _login(sasl),
        brokers=tuple(brokers),
        sasl_mechanism="SCRAM-SHA-512" if sasl is None else sasl.mechanism,
    )


def _redis(given: ExternalRedis) -> RedisEndpoint:
    address = _address(given.host, given.port, tls=given.tls != "disabled")
    return RedisEndpoint(
        component="redis",
        external=(address.inside,),
        tls=Tls(given.tls, given.ca),
        auth=Password(given.username, _secret(given.password)),
        address=address,
    )


def _issuer(given: ExternalOidc) -> KeycloakEndpoint:
    address = _origin(given.issuer)
    return KeycloakEndpoint(
        component="keycloak",
        external=(address.inside,),
        tls=Tls("verify-full", given.ca) if address.inside.tls else Tls(),
        address=address,
        issuer=pulumi.Output.from_input(given.issuer),
        client=given.client,
    )


def _login(given: Login) -> Password:
    return Password(given.username, _secret(given.password))


def _secret(given: SecretStr) -> pulumi.Output[str]:
    return pulumi.Output.secret(given.get_secret_value())


def _origin(url: str) -> Address:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    return _address(parts.hostname or "", parts.port or (443 if secure else 80), tls=secure)


def _address(host: str, port: int, *, tls: bool) -> Address:
    here = HostPort(pulumi.Output.from_input(host), pulumi.Output.from_input(port), tls)
    return Address(inside=here, outside=here)
