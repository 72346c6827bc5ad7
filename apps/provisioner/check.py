"""Checks servers that somebody else runs: each is reached, with the credential that was given."""

import json
import logging

import psycopg
import requests
import urllib3
from kafka.errors import KafkaError
from minio import Minio
from minio.error import MinioException, S3Error

from apps.provisioner import kafka, redis
from apps.provisioner.bounded import BoundedPool, body_of, within
from apps.provisioner.errors import LoginError, ProvisionError, UnreachableError, one_line
from apps.provisioner.given import (
    CheckSpec,
    Given,
    GivenBuckets,
    GivenDatabase,
    GivenIssuer,
    GivenKafka,
    GivenRedis,
)
from apps.provisioner.waiting import CONNECT_SECONDS, wait_for_server

_log = logging.getLogger(__name__)

_ANSWER_SECONDS = 60
_DOCUMENT_SECONDS = 15
_SHOWN = 200
"""Characters of what a server says of itself."""

_MAY_CREATE_TABLES = "SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)"
_MAY_ADMINISTER = (
    "SELECT rolsuper OR (rolcreatedb AND rolcreaterole) FROM pg_roles WHERE rolname = current_user"
)
# The server answered, and will answer the same again.
_POSTGRES_REFUSES = ("FATAL:", "SSL", "certificate", "authentication method")
_POSTGRES_STARTS = "starting up"


def check(spec: CheckSpec) -> None:
    """Reach every endpoint. Raises ProvisionError, which names each that failed, why, and its key."""
    failed = []
    for given in spec.endpoints:
        try:
            _log.info("%s: %s", given.key, _bounded(given, spec.wait_seconds))
        except ProvisionError as error:
            failed.append(f"{given.key}: {error}")
    if failed:
        raise ProvisionError("; ".join(failed))


def _bounded(given: Given, seconds: float) -> str:
    """What was found of a server that is waited for `seconds`, then logged in to and asked."""
    return within(2 * seconds + _ANSWER_SECONDS, "the server", lambda: _reach(given, seconds))


def _reach(given: Given, seconds: float) -> str:
    """What was found."""
    match given:
        case GivenDatabase():
            return _database(given, seconds)
        case GivenBuckets():
            return _buckets(given, seconds)
        case GivenKafka():
            return _kafka(given, seconds)
        case GivenRedis():
            return redis.ping(given, seconds)
        case GivenIssuer():
            return _issuer(given, seconds)
    raise TypeError(f"{type(given).__name__} has no check: add one here")


def _database(given: GivenDatabase, seconds: float) -> str:
    where = f"Postgres at {given.host}:{given.port}, database {given.database!r}, user {given.user!r}"

    def connect() -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=given.host,
            port=given.port,
            dbname=given.database,
            user=given.user,
            password=given.password.get_secret_value(),
            sslmode=given.sslmode,
            require_auth=given.require_auth,
            sslrootcert=given.ca_file,
            connect_timeout=CONNECT_SECONDS,
            application_name="provisioner",
        )

    def transient(error: BaseException) -> bool:
        refused = any(word in str(error) for word in _POSTGRES_REFUSES)
        return isinstance(error, psycopg.OperationalError) and (not refused or _POSTGRES_STARTS in str(error))

    administers = given.access == "administer"
    try:
        address = f"{given.host}:{given.port}"
        with wait_for_server("Postgres", address, connect, transient, seconds) as connection:
            row = connection.execute(_MAY_ADMINISTER if administers else _MAY_CREATE_TABLES).fetchone()
    except psycopg.Error as error:
        raise LoginError(
            f"{where}: {one_line(error)}: correct the user, the password, the name or tls (without "
            "verify-full no password is sent in clear: let the server ask for SCRAM), or create the database"
        ) from error
    if row != (True,):
        lacks = (
            "may not create databases and roles: grant it CREATEDB and CREATEROLE"
            if administers
            else "may not create tables there: make it the owner of the database"
        )
        raise ProvisionError(f"{where}: it {lacks}")
    return f"logged in to database {given.database} as {given.user}"


def _buckets(given: GivenBuckets, seconds: float) -> str:
    pool = BoundedPool(
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=60),
        retries=False,
        cert_reqs="CERT_REQUIRED",
        ca_certs=given.ca_file,
    )
    client = Minio(
        endpoint=given.endpoint,
        access_key=given.access_key,
        secret_key=given.secret_key.get_secret_value(),
        secure=given.tls,
        region=given.region,
        http_client=pool,
    )
    if not given.path_style:
        client.enable_virtual_style_endpoint()  # type: ignore[no-untyped-call] # minio's own
    where = f"object store at {given.endpoint}, key {given.access_key!r}"

    def transient(error: BaseException) -> bool:
        answered = isinstance(error, (S3Error, urllib3.exceptions.SSLError))
        return isinstance(error, (urllib3.exceptions.HTTPError, MinioException)) and not answered

    for bucket in given.buckets:
        try:
            wait_for_server(
                "the object store",
                given.endpoint,
                lambda bucket=bucket: next(client.list_objects(bucket_name=bucket), None),  # type: ignore[misc] # bound early
                transient,
                seconds,
            )
        except S3Error as error:
            raise ProvisionError(
                f"{where}, bucket {bucket!r}: {error.code} ({error.message}): create the bucket, let the key "
                "read and write it, or correct the key, the region or the bucket's name"
            ) from error
        except (urllib3.exceptions.HTTPError, MinioException) as error:
            raise ProvisionError(f"{where}: {one_line(error)}: correct the url or ca") from error
    return f"listed {', '.join(given.buckets)} as {given.access_key}"


def _kafka(given: GivenKafka, seconds: float) -> str:
    admin = kafka.connect(given, seconds)
    try:
        present = set(admin.list_topics())
    except KafkaError as error:
        raise ProvisionError(
            f"Kafka at {given.bootstrap_servers} answered, but a broker that it names did not "
            f"({one_line(error)}): check what the brokers advertise, and tls and sasl"
        ) from error
    finally:
        admin.close()
    if missing := sorted(set(given.topics) - present):
        raise ProvisionError(
            f"Kafka at {given.bootstrap_servers} has no topic {', '.join(missing)}: create it, or set "
            "create_topics"
        )
    return f"got the metadata of {len(present)} topics"


def _issuer(given: GivenIssuer, seconds: float) -> str:
    url = f"{given.issuer.rstrip('/')}/.well-known/openid-configuration"

    def fetch() -> tuple[int, bytes]:
        # Said here, as REQUESTS_CA_BUNDLE overrules what a session says.
        verify = given.ca_file or True
        with requests.get(
            url,
            headers={"Accept-Encoding": "identity"},
            timeout=CONNECT_SECONDS,
            allow_redirects=False,
            verify=verify,
            stream=True,
        ) as response:
            return response.status_code, body_of(response.raw, url)

    def transient(error: BaseException) -> bool:
        failed = isinstance(error, (requests.RequestException, urllib3.exceptions.HTTPError))
        return failed and not isinstance(error, requests.exceptions.SSLError)

    try:
        status, body = wait_for_server(
            "the issuer", url, lambda: within(_DOCUMENT_SECONDS, url, fetch), transient, seconds
        )
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise UnreachableError(f"{url}: {one_line(error)}: correct issuer or ca") from error
    try:
        document = json.loads(body) if status == requests.codes.ok else None
    except (ValueError, RecursionError):
        document = None
    named = document.get("issuer") if isinstance(document, dict) else None
    if not isinstance(named, str):
        raise ProvisionError(f"{url} answered {status} without a discovery document: correct issuer")
    if named != given.issuer:
        raise ProvisionError(f"{url} names the issuer {named[:_SHOWN]!r}: write exactly that")
    return f"found the issuer {given.issuer}"
