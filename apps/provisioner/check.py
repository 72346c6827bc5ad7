"""Checks servers that somebody else runs: each is reached, with the credential that was given."""

import logging

import psycopg
import requests
import urllib3
from kafka.errors import KafkaError
from minio import Minio
from minio.error import MinioException, S3Error

from apps.provisioner import kafka, redis
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
            _log.info("%s: %s", given.key, _reach(given, spec.wait_seconds))
        except ProvisionError as error:
            failed.append(f"{given.key}: {error}")
    if failed:
        raise ProvisionError("; ".join(failed))


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
    pool = urllib3.PoolManager(
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

    def fetch() -> requests.Response:
        # Said here, as REQUESTS_CA_BUNDLE overrules what a session says.
        verify = given.ca_file or True
        return requests.get(url, timeout=CONNECT_SECONDS, allow_redirects=False, verify=verify)

    def transient(error: BaseException) -> bool:
        return isinstance(error, requests.RequestException) and not isinstance(
            error, requests.exceptions.SSLError
        )

    try:
        answer = wait_for_server("the issuer", url, fetch, transient, seconds)
    except requests.RequestException as error:
        raise UnreachableError(f"{url}: {one_line(error)}: correct issuer or ca") from error
    try:
        document = answer.json() if answer.ok else None
    except requests.JSONDecodeError:
        document = None
    if not isinstance(document, dict) or "issuer" not in document:
        raise ProvisionError(
            f"{url} answered {answer.status_code} without a discovery document: correct issuer"
        )
    if document["issuer"] != given.issuer:
        raise ProvisionError(f"{url} names the issuer {document['issuer']!r}: write exactly that")
    return f"found the issuer {given.issuer}"
