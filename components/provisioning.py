"""Runs the bundled provisioner, which converges the contents of a server, as a task beside it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from components.base import Finished, Link, Task
from components.declaration import Declaration, WorkloadDeclaration
from components.foundation import Foundation
from components.sizing import WorkloadSize
from components.software import PROVISIONER
from components.templates import literal_json

DECLARATION = Declaration(
    name="provisioner",
    workloads={
        "provisioner": WorkloadDeclaration(
            sizes={
                "laptop": WorkloadSize(cpu=0.5, memory=256),
                "small": WorkloadSize(cpu=0.5, memory=256),
                "production": WorkloadSize(cpu=0.5, memory=256),
            },
        ),
    },
    switchable=False,
)


def converge(
    name: str,
    spec: Mapping[str, Any],
    *,
    foundation: Foundation,
    link: Link,
    parent: pulumi.Resource,
    volume: pulumi.Input[str] = "",
) -> Finished:
    """Runs the provisioner on `spec`; apps/provisioner/README.md has its form, and its key `service`
    names the kind of server. It runs again when the spec changes, or `volume`, the identity of the
    volume that it fills."""
    return foundation.cluster.run_task(_task(name, spec, foundation, (link,), {"volume": volume}), parent)


def check(
    name: str,
    endpoints: Sequence[Mapping[str, Any]],
    *,
    foundation: Foundation,
    links: tuple[Link, ...],
    parent: pulumi.Resource,
) -> Finished:
    """Reaches a site's own servers, the targets of `links`. It runs again when the endpoints change."""
    spec = {"service": "check", "endpoints": list(endpoints)}
    return foundation.cluster.run_task(_task(name, spec, foundation, links, {}), parent)


def _task(
    name: str,
    spec: Mapping[str, Any],
    foundation: Foundation,
    links: tuple[Link, ...],
    triggers: Mapping[str, pulumi.Input[str]],
) -> Task:
    return Task(
        name=name,
        software=PROVISIONER,
        command=("provisioner", "{run}/spec.json"),
        resources=foundation.sizing["provisioner"].resources,
        files={path: text for link in links for path, text in link.target.ca_files.items()},
        secret_files={
            "spec.json": pulumi.Output.from_input(dict(spec)).apply(lambda known: _text(known, links))
        },
        triggers=triggers,
        links=links,
    )


def _text(spec: Mapping[str, Any], links: tuple[Link, ...]) -> str:
    """Returns the spec as JSON. Only the paths of the links' certificates are placeholders; every other
    brace, in a subject or a topic's setting, is text."""
    text = literal_json(spec)
    for path in {link.target.ca_file for link in links} - {None}:
        text = text.replace(f'"ca_file": {literal_json(path)}', f'"ca_file": {json.dumps(path)}')
    return text
