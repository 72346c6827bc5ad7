"""What the clouds' SDKs say of a resource's type: the source of the names that the providers document."""

import importlib
from typing import Any

from pulumi._types import resource_pulumi_to_py_names


def resource_class(token: str) -> Any:
    """The SDK's class of `aws:ec2/vpc:Vpc`. Raises AttributeError for a type that there is none of."""
    package, module, kind = token.split(":")
    return getattr(importlib.import_module(f"pulumi_{package}.{module.partition('/')[0]}"), kind)


def properties(token: str) -> set[str]:
    """The names of its documented properties."""
    return set(resource_pulumi_to_py_names(resource_class(token)))
