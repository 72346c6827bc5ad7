from pyiceberg.catalog.rest import RestCatalog

from tests.apps.provisioner.conftest import Declared, Provision


def declare(server: Declared, *namespaces: str) -> Declared:
    return {**server, "namespaces": list(namespaces)}


def test_a_second_run_changes_nothing(iceberg_catalog: Declared, provision: Provision) -> None:
    spec = declare(iceberg_catalog, "silver", "gold.daily")
    assert provision(spec).changed == [
        "created namespace silver",
        "created namespace gold",
        "created namespace gold.daily",
    ]
    again = provision(spec)
    assert again.changed == []
    assert again.stdout.splitlines()[-1] == "nothing to change"


def test_a_namespace_that_is_declared_no_more_is_kept(
    iceberg_catalog: Declared, provision: Provision
) -> None:
    assert provision(declare(iceberg_catalog, "undeclared")).code == 0
    assert provision(declare(iceberg_catalog)).changed == []
    catalog = RestCatalog("test", uri=iceberg_catalog["uri"], warehouse=iceberg_catalog["warehouse"])
    assert catalog.namespace_exists("undeclared")


def test_an_address_that_is_no_catalog_is_an_error(iceberg_catalog: Declared, provision: Provision) -> None:
    assert provision(declare(iceberg_catalog)).code == 0  # waits for the server
    elsewhere = iceberg_catalog["uri"].removesuffix("iceberg") + "elsewhere"
    run = provision({**declare(iceberg_catalog), "uri": elsewhere})
    assert run.code == 1
    assert "check that uri is the root of an Iceberg REST catalog" in run.stderr
