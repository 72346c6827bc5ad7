"""A stack runs on the site's own Postgres and S3 store, both with TLS by the site's own authority."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.light import EVERY
from tests.e2e.own_servers import OwnServers, own_servers
from tests.e2e.stack import Stack

_RUN = ("iceberg_catalog", "trino", "spark")
_BUCKETS = ("warehouse", "checkpoints", "bronze")


@dataclass(frozen=True)
class Site:
    servers: OwnServers
    stack: Stack


@pytest.fixture(scope="module")
def site(scratch_directory: Path, port_offset: int) -> Iterator[Site]:
    with own_servers("127.0.0.1", _BUCKETS) as servers:
        components = {name: name in (*_RUN, "postgres", "object_store") for name in EVERY}
        settings = {"components": components, "demo": True, "external": servers.external}
        stack = Stack("external", scratch_directory, settings, port_offset)
        try:
            stack.up()
            yield Site(servers, stack)
        finally:
            stack.remove()


def test_nothing_that_was_given_is_run(site: Site) -> None:
    assert set(site.stack.servers()) == {"iceberg_catalog", "trino", "spark-master", "spark-worker"}


def test_the_flights_go_through_java_clients_that_trust_the_sites_authority(site: Site) -> None:
    """Spark writes the tables, the catalog their metadata, and Trino reads both, in the site's store."""
    assert site.stack.outputs()["demo"]["flights"] == 336_776
    names = [item.object_name or "" for item in site.servers.minio.list_objects("warehouse", recursive=True)]
    assert [name for name in names if name.endswith(".parquet")]
    assert [name for name in names if name.endswith(".metadata.json")]


def test_the_catalog_has_its_own_database_there(site: Site) -> None:
    with site.servers.connect("iceberg_catalog") as connection:
        rows = connection.execute(
            "SELECT usename, ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
            "WHERE datname = 'iceberg_catalog' AND backend_type = 'client backend' AND usename <> 'postgres'"
        ).fetchall()
    assert rows
    assert {encrypted for _, encrypted in rows} == {True}


def test_a_second_preview_changes_nothing(site: Site) -> None:
    assert site.stack.preview().changes == {}


def test_destroy_leaves_the_sites_data(site: Site) -> None:
    site.stack.destroy()
    assert list(site.servers.minio.list_objects("warehouse", recursive=True))
    with site.servers.connect("iceberg_catalog") as connection:
        assert connection.execute("SELECT count(*) FROM objs2").fetchone()
