"""Bronze: the source files as objects, landed once."""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import certifi
import obstore
from obstore.exceptions import BaseError
from obstore.store import GCSStore, S3Store

from apps.pipelines.flights.errors import ObjectStoreError
from apps.pipelines.flights.source import MONTHS, SourceFile, flights_key
from apps.pipelines.flights.spec import ObjectStore

if TYPE_CHECKING:  # names of its stubs alone
    from obstore.store import ClientConfig, RetryConfig, S3Config

_log = logging.getLogger(__name__)
_DIGEST = "sha256"
_CERTIFICATES = "SSL_CERT_FILE"

Bucket = S3Store | GCSStore
"""One bucket of an object store."""


def connect(store: ObjectStore, bucket: str) -> Bucket:
    """A client of one bucket, which gives up after three tries of 60 s. Without a key its credential is
    that of the environment: the pod's identity."""
    options: ClientConfig = {
        "connect_timeout": timedelta(seconds=10),
        "timeout": timedelta(seconds=60),
        "allow_http": not store.tls,
    }
    retry: RetryConfig = {"max_retries": 3, "retry_timeout": timedelta(seconds=180)}
    if store.protocol == "gs":
        return GCSStore(bucket, client_options=options, retry_config=retry)
    config: S3Config = {
        "endpoint": store.url if store.path_style else store.url.replace("://", f"://{bucket}.", 1),
        "region": store.region,
        "virtual_hosted_style_request": not store.path_style,
    }
    if store.key is not None:
        config["access_key_id"], config["secret_access_key"] = store.key
    with _trusting(store.ca_file if store.tls else certifi.where()):
        return S3Store(bucket, config=config, client_options=options, retry_config=retry)


@contextmanager
def _trusting(ca_file: str | None) -> Iterator[None]:
    """The client has no option for certificates: it reads this variable when it is made, and is not made
    without any, even for plain HTTP in an image that has none."""
    before = os.environ.get(_CERTIFICATES)
    if ca_file is not None:
        os.environ[_CERTIFICATES] = ca_file
    try:
        yield
    finally:
        if before is not None:
            os.environ[_CERTIFICATES] = before
        elif ca_file is not None:
            del os.environ[_CERTIFICATES]


def land(bucket: Bucket, name: str, files: Sequence[SourceFile]) -> list[str]:
    """Bring the bucket to hold exactly `files`: put what is missing or differs (by the SHA-256 kept as
    the object's metadata), remove the months that were landed before and are not in `files`; other objects
    are left alone.

    Returns `<name>/<key>` of each object put or removed. Raises ObjectStoreError.
    """
    changed = []
    try:
        for file in files:
            if _digest(bucket, file.key) != file.sha256:
                attributes = {"Content-Type": "text/csv", _DIGEST: file.sha256}
                obstore.put(bucket, file.key, file.content, attributes=attributes)
                _log.info("landed %s (%s rows)", file.title, f"{file.rows:,}")
                changed.append(f"{name}/{file.key}")
        wanted = {file.key for file in files}
        for month in MONTHS:
            key = flights_key(month)
            if key not in wanted and _digest(bucket, key):
                obstore.delete(bucket, key)
                _log.info("removed flights month %02d", month)
                changed.append(f"{name}/{key}")
    except (BaseError, OSError) as error:
        raise ObjectStoreError(f"landing the files in bucket {name} failed: {_explained(error)}") from error
    return changed


def _digest(bucket: Bucket, key: str) -> str | None:
    """The digest that the object was landed with, empty for one of somebody else's; None if there is no
    such object."""
    try:
        attributes = obstore.get(bucket, key, options={"head": True}).attributes
    except FileNotFoundError:
        return None
    return attributes.get(_DIGEST, "")


def _explained(error: Exception) -> str:
    """The client's own summary, which leaves out why there was no connection."""
    summary, _, chain = str(error).partition("\n\nDebug source")
    reason = " ".join(summary.split())
    if "InvalidCertificate" in chain:
        return f"{reason} (its certificate is not trusted); check object_store.ca_file"
    return f"{reason}; check that the object store runs, that the bucket exists and who may write to it"
