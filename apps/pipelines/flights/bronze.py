"""Bronze: the source files as objects, landed once."""

import io
import logging
from collections.abc import Sequence

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError

from apps.pipelines.flights.errors import ObjectStoreError
from apps.pipelines.flights.source import MONTHS, SourceFile, flights_key
from apps.pipelines.flights.spec import ObjectStore

_log = logging.getLogger(__name__)
_DIGEST = "sha256"


def connect(store: ObjectStore) -> Minio:
    """A client that gives up after three tries of 60 s."""
    client = Minio(
        store.endpoint,
        access_key=store.access_key,
        secret_key=store.secret_key.get_secret_value(),
        secure=store.tls,
        region=store.region,
        http_client=urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=10, read=60),
            retries=urllib3.Retry(total=3, backoff_factor=0.5, status_forcelist=[500, 502, 503, 504]),
            cert_reqs="CERT_REQUIRED",
            ca_certs=store.ca_file,
        ),
    )
    if not store.path_style:
        client.enable_virtual_style_endpoint()  # type: ignore[no-untyped-call] # minio's own
    return client


def land(client: Minio, bucket: str, files: Sequence[SourceFile]) -> list[str]:
    """Bring the bucket to hold exactly `files`: put what is missing or differs (by the SHA-256 kept as
    the object's metadata), remove the months that are not in `files`; other objects are left alone.

    Returns `<bucket>/<key>` of each object put or removed. Raises ObjectStoreError.
    """
    changed = []
    try:
        for file in files:
            if not _is_landed(client, bucket, file):
                client.put_object(
                    bucket,
                    file.key,
                    io.BytesIO(file.content),
                    len(file.content),
                    content_type="text/csv",
                    metadata={_DIGEST: file.sha256},
                )
                _log.info("landed %s (%s rows)", file.title, f"{file.rows:,}")
                changed.append(f"{bucket}/{file.key}")
        wanted = {file.key for file in files}
        for month in MONTHS:
            key = flights_key(month)
            if key not in wanted and _metadata(client, bucket, key) is not None:
                client.remove_object(bucket, key)
                _log.info("removed flights month %02d", month)
                changed.append(f"{bucket}/{key}")
    except (MinioException, HTTPError) as error:
        raise ObjectStoreError(
            f"landing the files in bucket {bucket} failed: {error}; check that the object store runs, that "
            "the bucket exists and that the key may write to it"
        ) from error
    return changed


def _is_landed(client: Minio, bucket: str, file: SourceFile) -> bool:
    return _metadata(client, bucket, file.key) == (len(file.content), file.sha256)


def _metadata(client: Minio, bucket: str, key: str) -> tuple[int | None, str | None] | None:
    """Size and recorded digest of an object; None if there is none."""
    try:
        found = client.stat_object(bucket, key)
    except S3Error as error:
        if error.code == "NoSuchKey":
            return None
        raise
    return found.size, (found.metadata or {}).get(f"x-amz-meta-{_DIGEST}")
