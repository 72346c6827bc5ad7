"""The mock says only what the provider documents."""

import pytest
from pulumi._types import output_type_types
from pulumi_gcp import sql

from tests.providers.gcp.mocked import LABELLED, NAMED, made_up
from tests.providers.sdk import properties

_MADE_UP = (
    "gcp:container/cluster:Cluster",
    "gcp:projects/serviceIdentity:ServiceIdentity",
    "gcp:secretmanager/secretVersion:SecretVersion",
    "gcp:serviceaccount/account:Account",
    "gcp:sql/databaseInstance:DatabaseInstance",
)


@pytest.mark.parametrize("token", _MADE_UP)
def test_every_output_is_one_that_the_provider_documents(token: str) -> None:
    outputs = made_up(token, "name")
    assert outputs
    assert set(outputs) <= properties(token)


@pytest.mark.parametrize("token", sorted(NAMED))
def test_what_is_named_has_a_name(token: str) -> None:
    assert "name" in properties(token)


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        ("dnsNames", sql.outputs.DatabaseInstanceDnsName),
        ("serverCaCerts", sql.outputs.DatabaseInstanceServerCaCert),
    ],
)
def test_nested_outputs_are_documented_too(key: str, shape: type) -> None:
    values = made_up("gcp:sql/databaseInstance:DatabaseInstance", "name")[key]
    assert values
    for value in values:
        assert set(value) <= set(output_type_types(shape))


@pytest.mark.parametrize("token", sorted(LABELLED))
def test_labels_are_where_the_sdk_has_them(token: str) -> None:
    assert LABELLED[token][0] in properties(token)
