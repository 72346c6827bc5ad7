"""The mock itself: it says nothing that the SDK does not document."""

import importlib
import re
from typing import Any

import pulumi
import pytest
from pulumi_gcp import container, projects, secretmanager, serviceaccount, sql

from tests.providers.gcp.mocked import LABELLED, NAMED, made_up

_MADE_UP = (
    container.Cluster,
    projects.ServiceIdentity,
    secretmanager.SecretVersion,
    serviceaccount.Account,
    sql.DatabaseInstance,
)


def _token(resource: type[pulumi.CustomResource]) -> str:
    return str(vars(resource)["pulumi_type"])


def _class_of(token: str) -> type[pulumi.CustomResource]:
    module, name = token.split(":")[1].split("/")[0], token.rpartition(":")[2]
    found = getattr(importlib.import_module(f"pulumi_gcp.{module}"), name)
    assert _token(found) == token
    return found  # type: ignore[no-any-return] # found by its name


@pytest.mark.parametrize("resource", _MADE_UP, ids=lambda found: found.__name__)
def test_what_is_made_up_is_a_documented_output(resource: type[pulumi.CustomResource]) -> None:
    outputs = made_up(_token(resource), "name")
    assert outputs
    for name in outputs:
        assert isinstance(getattr(resource, _snake(name)), property), name


@pytest.mark.parametrize("token", sorted(NAMED))
def test_what_is_named_has_a_name(token: str) -> None:
    assert isinstance(_class_of(token).name, property)  # type: ignore[attr-defined] # that is the question


def test_nested_values_have_documented_names() -> None:
    known = made_up(_token(sql.DatabaseInstance), "name")
    for key, shape in (
        ("dnsNames", sql.outputs.DatabaseInstanceDnsName),
        ("serverCaCerts", sql.outputs.DatabaseInstanceServerCaCert),
    ):
        for value in known[key]:
            for name in value:
                assert isinstance(getattr(shape, _snake(name)), property), name


@pytest.mark.parametrize("token", sorted(LABELLED))
def test_labels_are_where_the_sdk_has_them(token: str) -> None:
    found: Any = _class_of(token)
    assert isinstance(getattr(found, _snake(LABELLED[token][0])), property)


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), name)
