"""How Spark reads objects, and Iceberg's files, in each kind of object store."""

from collections.abc import Mapping

from apps.pipelines.flights.spec import ObjectStore

SCHEMES = {"s3": "s3a", "gs": "gs"}
"""The scheme that Hadoop's file system has for each protocol."""

_AWS = "software.amazon.awssdk.auth.credentials"
_GOOGLE = "com.google.cloud.hadoop.fs.gcs"


def hadoop(store: ObjectStore) -> Mapping[str, str]:
    """Spark properties. Without a key the credential is that of the environment: the pod's identity."""
    if store.protocol == "gs":
        return {
            "spark.hadoop.fs.gs.impl": f"{_GOOGLE}.GoogleHadoopFileSystem",
            "spark.hadoop.fs.gs.auth.type": "APPLICATION_DEFAULT",
        }
    prefix = "spark.hadoop.fs.s3a"
    common = {
        f"{prefix}.endpoint": store.url,
        f"{prefix}.endpoint.region": store.region,
        f"{prefix}.path.style.access": str(store.path_style).lower(),
    }
    if store.key is None:
        return {**common, f"{prefix}.aws.credentials.provider": f"{_AWS}.DefaultCredentialsProvider"}
    key, secret = store.key
    return {
        **common,
        f"{prefix}.aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
        f"{prefix}.access.key": key,
        f"{prefix}.secret.key": secret,
    }


def iceberg(store: ObjectStore) -> Mapping[str, str]:
    """Properties of an Iceberg catalog."""
    if store.protocol == "gs":
        return {"io-impl": "org.apache.iceberg.gcp.gcs.GCSFileIO"}
    common = {
        "io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        "client.region": store.region,
        "s3.endpoint": store.url,
        "s3.path-style-access": str(store.path_style).lower(),
    }
    if store.key is None:
        return common
    key, secret = store.key
    return {**common, "s3.access-key-id": key, "s3.secret-access-key": secret}
