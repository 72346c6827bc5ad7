"""The full stack: every component, the demo, and one example of everything that users can declare."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import trino.dbapi
import yaml
from minio import Minio
from pyiceberg.catalog import Catalog, load_catalog
from tenacity import Retrying, stop_after_delay, wait_fixed

from infra.declared import LOCAL_PORTS
from infra.stack_file import KEY
from tests.e2e.exposure import Exposure, ProcessWatch
from tests.e2e.footprint import Footprint
from tests.e2e.stack import ROOT, Result, Stack

TOPIC, BUCKET, DATABASE, CATALOG = "shop.orders", "landing", "shop", "archive"
"""The user's own."""
Row = tuple[Any, ...]


def settings(port_offset: int) -> dict[str, Any]:
    """Return the settings of the local template together with what users add to them."""
    template = yaml.safe_load((ROOT / "stacks" / "Pulumi.local.template.yaml").read_text())
    local: dict[str, Any] = template["config"][KEY]
    catalog = LOCAL_PORTS.port("iceberg_catalog", "http", port_offset)
    return local | {
        "topics": [*local["topics"], {"name": TOPIC, "partitions": 2}],
        "buckets": [BUCKET],
        "databases": [DATABASE],
        "trino": {
            "catalogs": {
                CATALOG: {
                    "connector.name": "iceberg",
                    "iceberg.catalog.type": "rest",
                    "iceberg.rest-catalog.uri": f"http://127.0.0.1:{catalog}/iceberg",
                    "iceberg.rest-catalog.warehouse": "warehouse",
                }
            }
        },
    }


@dataclass(frozen=True)
class FullStack:
    """The running full stack, the result of its first `up`, the machine's state before, and clients of its
    servers."""

    stack: Stack
    first: Result
    before: Footprint
    exposure: Exposure

    @classmethod
    def up(cls, stack: Stack) -> "FullStack":
        before, since = Footprint.take(stack.tmp), time.time()
        with ProcessWatch() as watch:
            first = stack.up()
        return cls(stack, first, before, Exposure(stack, watch, since))

    @cached_property
    def outputs(self) -> Mapping[str, Any]:
        return self.stack.outputs()

    def endpoint(self, component: str) -> Mapping[str, Any]:
        endpoint: Mapping[str, Any] = self.outputs["endpoints"][component]
        return endpoint

    def credentials(self, component: str) -> Mapping[str, Any]:
        credentials: Mapping[str, Any] = self.outputs["credentials"][component]
        return credentials

    def address(self, server: str, port: str) -> str:
        """Return `host:port` of a port that no output names, such as a web interface's."""
        return self.stack.servers()[server].addresses[port]

    def home(self, software: str) -> Path:
        """Return the directory of a software, as the stack's state records it."""
        latest = json.loads(self.stack.state_file.read_text())["checkpoint"]["latest"]
        name = f"nebula-local:index:Artifact::{software}"
        (artifact,) = [each for each in latest["resources"] if each["urn"].endswith(name)]
        return Path(artifact["outputs"]["home"])

    def object_store(self, service: str) -> Minio:
        """Return an S3 client with the access key of the service `service`."""
        key = self.credentials("object_store")["services"][service]
        return Minio(
            self.endpoint("object_store")["url"].removeprefix("http://"),
            access_key=key["username"],
            secret_key=key["password"],
            secure=False,
        )

    def catalog(self) -> Catalog:
        """Return a PyIceberg client of the Iceberg catalog."""
        return iceberg_catalog(self.outputs)

    def query(self, statement: str, catalog: str = "lakehouse") -> tuple[list[str], list[Row]]:
        """Run a statement in Trino, and return the column names and rows of its result."""
        host, _, number = self.endpoint("trino")["url"].removeprefix("http://").partition(":")
        with trino.dbapi.Connection(host=host, port=int(number), user="test", catalog=catalog) as connection:
            cursor = connection.cursor()
            rows = [tuple(row) for row in cursor.execute(statement).fetchall()]
            return [column.name for column in cursor.description or ()], rows


def iceberg_catalog(outputs: Mapping[str, Any]) -> Catalog:
    """Return a PyIceberg client of the catalog of a stack with these outputs. It uses the object store key
    that users get."""
    return load_catalog("lakehouse", **catalog_properties(outputs))


def catalog_properties(outputs: Mapping[str, Any]) -> dict[str, str]:
    endpoint, store = outputs["endpoints"]["iceberg_catalog"], outputs["endpoints"]["object_store"]
    key = outputs["credentials"]["object_store"]
    return {
        "type": "rest",
        "uri": endpoint["url"],
        "warehouse": endpoint["warehouse"],
        "s3.endpoint": store["url"],
        "s3.region": store["region"],
        "s3.access-key-id": key["username"],
        "s3.secret-access-key": key["password"],
    }


def eventually(seconds: float) -> Retrying:
    """Retry a block for up to `seconds` until it passes. The last error is raised."""
    return Retrying(stop=stop_after_delay(seconds), wait=wait_fixed(0.1), reraise=True)
