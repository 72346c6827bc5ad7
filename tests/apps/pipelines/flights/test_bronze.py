import io
import os
import secrets
from collections.abc import Iterator

import pytest
import urllib3
from minio import Minio
from pydantic import SecretStr

from apps.pipelines.flights import bronze
from apps.pipelines.flights.errors import ObjectStoreError
from apps.pipelines.flights.source import MONTHS, SourceFile, flights_key
from apps.pipelines.flights.spec import ObjectStore
from tests.apps.provisioner.servers import free_port, home, private_directory, running
from tests.testbed.certificates import CertificateAuthority

AIRLINES = SourceFile("airlines", "nycflights13/airlines/airlines.csv", b"carrier\nAA\n", 1)
YEAR = [SourceFile("flights", flights_key(month), b"month\n%d\n" % month, 1, month) for month in MONTHS]
WHOLE = [AIRLINES, *YEAR]
WITHOUT_JULY = [file for file in WHOLE if file.month != 7]


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    program, port, console = home("minio") / "bin" / "minio", free_port(), free_port()
    key = secrets.token_hex(16)
    with private_directory() as directory:
        addresses = ["--address", f"127.0.0.1:{port}", "--console-address", f"127.0.0.1:{console}"]
        env = {"MINIO_ROOT_USER": "flights", "MINIO_ROOT_PASSWORD": key}
        with running([program, "server", directory / "data", *addresses], directory, port, env):
            yield ObjectStore(endpoint=f"127.0.0.1:{port}", access_key="flights", secret_key=SecretStr(key))


@pytest.fixture
def client(store: ObjectStore) -> Minio:
    """Another client of the same store, which says what is there."""
    key, secret = store.key or ("", "")
    return Minio(store.endpoint, access_key=key, secret_key=secret, secure=False, region=store.region)


@pytest.fixture
def bucket(client: Minio) -> str:
    name = f"bronze-{secrets.token_hex(4)}"
    client.make_bucket(name)
    return name


@pytest.fixture
def landing(store: ObjectStore, bucket: str) -> bronze.Bucket:
    return bronze.connect(store, bucket)


def contents(client: Minio, bucket: str) -> dict[str, bytes]:
    keys = [found.object_name or "" for found in client.list_objects(bucket, recursive=True)]
    return {key: client.get_object(bucket, key).read() for key in keys}


def test_landing_twice_changes_nothing(client: Minio, landing: bronze.Bucket, bucket: str) -> None:
    assert bronze.land(landing, bucket, WHOLE) == [f"{bucket}/{file.key}" for file in WHOLE]
    written = {
        found.object_name: found.last_modified for found in client.list_objects(bucket, recursive=True)
    }
    assert bronze.land(landing, bucket, WHOLE) == []
    assert written == {
        found.object_name: found.last_modified for found in client.list_objects(bucket, recursive=True)
    }
    assert contents(client, bucket) == {file.key: file.content for file in WHOLE}


def test_a_month_is_removed_and_added_again_alone(client: Minio, landing: bronze.Bucket, bucket: str) -> None:
    july = f"{bucket}/{flights_key(7)}"
    bronze.land(landing, bucket, WHOLE)
    assert bronze.land(landing, bucket, WITHOUT_JULY) == [july]
    assert contents(client, bucket) == {file.key: file.content for file in WITHOUT_JULY}
    assert bronze.land(landing, bucket, WHOLE) == [july]
    assert contents(client, bucket) == {file.key: file.content for file in WHOLE}


def test_an_altered_object_is_landed_again_and_a_stranger_is_left_alone(
    client: Minio, landing: bronze.Bucket, bucket: str
) -> None:
    bronze.land(landing, bucket, WHOLE)
    for key in (AIRLINES.key, "nycflights13/flights/notes.txt"):
        client.put_object(bucket, key, io.BytesIO(b"mine"), 4)
    assert bronze.land(landing, bucket, WHOLE) == [f"{bucket}/{AIRLINES.key}"]
    assert contents(client, bucket)["nycflights13/flights/notes.txt"] == b"mine"


def test_a_month_that_somebody_else_put_there_is_not_removed(
    client: Minio, landing: bronze.Bucket, bucket: str
) -> None:
    client.put_object(bucket, flights_key(7), io.BytesIO(b"mine"), 4)
    bronze.land(landing, bucket, WITHOUT_JULY)
    assert contents(client, bucket)[flights_key(7)] == b"mine"


def test_a_missing_bucket_is_named_with_the_remedy(store: ObjectStore) -> None:
    with pytest.raises(ObjectStoreError, match=r"bucket nowhere failed.*check that"):
        bronze.land(bronze.connect(store, "nowhere"), "nowhere", WHOLE)


@pytest.fixture(scope="module")
def private() -> Iterator[tuple[ObjectStore, Minio]]:
    """A store whose certificate a private authority has issued, and a client that trusts it."""
    program, port, console = home("minio") / "bin" / "minio", free_port(), free_port()
    key = secrets.token_hex(16)
    with private_directory() as directory:
        authority = CertificateAuthority(directory / "ca", "authority")
        pair = authority.issue("store", hosts=("127.0.0.1",))
        certificates = directory / "certs"
        certificates.mkdir()
        pair.certificate.rename(certificates / "public.crt")
        pair.key.rename(certificates / "private.key")
        addresses = [f"--address=127.0.0.1:{port}", f"--console-address=127.0.0.1:{console}"]
        options = ["--certs-dir", str(certificates), *addresses]
        command = [str(program), "server", str(directory / "data"), *options]
        env = {"MINIO_ROOT_USER": "flights", "MINIO_ROOT_PASSWORD": key}
        with running(command, directory, port, env):
            pool = urllib3.PoolManager(cert_reqs="CERT_REQUIRED", ca_certs=str(authority.certificate))
            client = Minio(f"127.0.0.1:{port}", "flights", key, http_client=pool)
            client.make_bucket("bronze")
            store = ObjectStore(
                endpoint=f"127.0.0.1:{port}",
                tls=True,
                ca_file=str(authority.certificate),
                access_key="flights",
                secret_key=SecretStr(key),
            )
            yield store, client
            pool.clear()


def test_a_private_authority_is_trusted_where_it_is_named(private: tuple[ObjectStore, Minio]) -> None:
    store, client = private
    before = os.environ.get("SSL_CERT_FILE")
    landing = bronze.connect(store, "bronze")
    assert os.environ.get("SSL_CERT_FILE") == before
    assert bronze.land(landing, "bronze", [AIRLINES]) == [f"bronze/{AIRLINES.key}"]
    assert contents(client, "bronze") == {AIRLINES.key: AIRLINES.content}


def test_a_private_authority_that_is_not_named_is_refused(private: tuple[ObjectStore, Minio]) -> None:
    stranger = bronze.connect(private[0].model_copy(update={"ca_file": None}), "bronze")
    with pytest.raises(ObjectStoreError, match="certificate"):
        bronze.land(stranger, "bronze", [AIRLINES])
