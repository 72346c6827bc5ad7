"""Iceberg REST catalog: namespaces."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import requests
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import NamespaceAlreadyExistsError, RESTError

from apps.provisioner.changes import Changes
from apps.provisioner.errors import LoginError, ProvisionError, one_line
from apps.provisioner.specs import IcebergCatalogSpec
from apps.provisioner.waiting import CONNECT_SECONDS, wait_for_server

_ANSWER_SECONDS = 30


def converge(spec: IcebergCatalogSpec, changes: Changes) -> None:
    """Namespaces and their parents. Raises ProvisionError."""
    _wait(spec)
    try:
        catalog = RestCatalog("provisioner", **_properties(spec))
        for namespace in with_parents(spec.namespaces):
            if catalog.namespace_exists(namespace):
                continue
            try:
                catalog.create_namespace(namespace)
            except NamespaceAlreadyExistsError:
                continue  # another client was faster
            changes.add(f"created namespace {'.'.join(namespace)}")
    except (RESTError, requests.RequestException, ValueError) as error:
        raise ProvisionError(f"Iceberg catalog at {_address(spec)}: {one_line(error)}") from error


def with_parents(namespaces: Iterable[str]) -> list[tuple[str, ...]]:
    """Each dotted name and its parents, once, parents first."""
    ordered: dict[tuple[str, ...], None] = {}
    for namespace in namespaces:
        parts = tuple(namespace.split("."))
        for length in range(1, len(parts) + 1):
            ordered[parts[:length]] = None
    return list(ordered)


def _wait(spec: IcebergCatalogSpec) -> None:
    def answers() -> requests.Response:
        # pyiceberg's own requests have no timeout: one that does goes first.
        response = requests.get(
            f"{spec.uri}/v1/config",
            params={"warehouse": spec.warehouse} if spec.warehouse else None,
            headers={"Authorization": f"Bearer {spec.token.get_secret_value()}"} if spec.token else None,
            verify=spec.ca_file or True,
            timeout=(CONNECT_SECONDS, _ANSWER_SECONDS),
        )
        if response.status_code >= 500:
            response.raise_for_status()
        return response

    response = wait_for_server(
        "the Iceberg catalog",
        _address(spec),
        answers,
        lambda error: isinstance(error, requests.RequestException),
        spec.wait_seconds,
    )
    if response.status_code in (401, 403) and spec.credential is None:
        raise LoginError(
            f"the Iceberg catalog at {_address(spec)} refused the login ({response.status_code}): "
            "check token, or give credential"
        )
    if response.status_code == 404:
        raise ProvisionError(
            f"{spec.uri}/v1/config does not exist: check that uri is the root of an Iceberg REST catalog"
        )


def _properties(spec: IcebergCatalogSpec) -> dict[str, Any]:
    properties: dict[str, Any] = {"uri": spec.uri}
    if spec.warehouse:
        properties["warehouse"] = spec.warehouse
    if spec.token:
        properties["token"] = spec.token.get_secret_value()
    if spec.credential:
        properties["credential"] = spec.credential.get_secret_value()
    if spec.oauth2_server_uri:
        properties["oauth2-server-uri"] = spec.oauth2_server_uri
    if spec.scope:
        properties["scope"] = spec.scope
    if spec.ca_file:
        properties["ssl"] = {"cabundle": spec.ca_file}
    return properties


def _address(spec: IcebergCatalogSpec) -> str:
    return urlsplit(spec.uri).netloc
