"""Defines the settings of Trino's catalogs."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from components.templates import placeholders
from components.trino import LAKEHOUSE
from infra.model import Model

_TAKEN = {LAKEHOUSE: "the platform's own", "system": "Trino's own"}


def _catalog(name: str) -> str:
    if name in _TAKEN:
        raise ValueError(f"{name} is {_TAKEN[name]} catalog: give yours another name")
    return name


def _value(text: str) -> str:
    if found := placeholders(text):
        raise ValueError(
            f"{{{found[0]}}} is what Nebula would put a path or a port in for: write it otherwise"
        )
    if any(ord(character) < ord(" ") and character not in "\t\r\n" for character in text):
        raise ValueError("has a control character: remove it")
    return text


def _connected(properties: dict[str, str]) -> dict[str, str]:
    if not properties.get("connector.name"):
        raise ValueError("needs connector.name, the connector that it is of")
    return properties


CatalogName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$"), AfterValidator(_catalog)]
PropertyName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$")]
PropertyValue = Annotated[str, AfterValidator(_value)]
Properties = Annotated[dict[PropertyName, PropertyValue], AfterValidator(_connected)]


class TrinoSettings(Model):
    catalogs: dict[CatalogName, Properties] = Field(
        default_factory=dict, description="further catalogs: name to connector properties"
    )
