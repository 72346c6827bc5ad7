"""The stack's configuration, `nebula:platform`, as typed settings.

Unknown keys and wrong types are refused with the line of the stack file to fix. The JSON Schema of
the whole file is `stacks/platform.schema.json`; `python -m infra.settings` prints it anew.
"""

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from components.sizing import Size
from providers.local.ports import LARGEST_OFFSET

KEY = "nebula:platform"

BucketName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$")]
DatabaseName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]
TopicName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
StreamName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
CatalogName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class SettingsError(Exception):
    """The stack's configuration is wrong; the message says where and how to mend it."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Components(_Model):
    """Which components run. What depends on one that is off says so at preview."""

    postgres: bool = True
    object_store: bool = True
    kafka: bool = True
    redis: bool = True
    iceberg_catalog: bool = True
    trino: bool = True
    spark: bool = True
    keycloak: bool = True
    nats: bool = True

    @property
    def on(self) -> tuple[str, ...]:
        return tuple(name for name, enabled in self if enabled)


class TopicSettings(_Model):
    """A Kafka topic: partitions may grow later, never shrink."""

    name: TopicName
    partitions: int = Field(default=1, ge=1, le=1000)
    config: dict[str, str] = Field(default_factory=dict, description="Kafka's own topic properties")


class StreamSettings(_Model):
    """A JetStream stream and the subjects it keeps."""

    name: StreamName
    subjects: list[str] = Field(min_length=1)


class TrinoSettings(_Model):
    catalogs: dict[CatalogName, dict[str, str]] = Field(
        default_factory=dict, description="further catalogs: name to connector properties"
    )


class KeycloakSettings(_Model):
    redirect_uris: list[str] = Field(default_factory=lambda: ["http://127.0.0.1:*", "http://localhost:*"])
    test_client: bool = Field(default=False, description="a client with direct grants, for tests")


class LocalSettings(_Model):
    """Where the local stack lives."""

    port_offset: int = Field(default=0, ge=0, le=LARGEST_OFFSET, description="added to every port")
    directory: str | None = Field(default=None, description="the stack's directory, absolute")
    keep_data: bool = Field(default=False, description="destroy keeps data and secrets")


class Settings(_Model):
    """Everything that a stack says of its platform."""

    cloud: Literal["local"]
    size: Size = "laptop"
    components: Components = Field(default_factory=Components)
    demo: bool = Field(default=False, description="run the flights pipeline")
    topics: list[TopicSettings] = Field(default_factory=list)
    buckets: list[BucketName] = Field(default_factory=list, description="beside the platform's own")
    databases: list[DatabaseName] = Field(default_factory=list, description="beside the services' own")
    streams: list[StreamSettings] = Field(default_factory=list)
    trino: TrinoSettings = Field(default_factory=TrinoSettings)
    keycloak: KeycloakSettings = Field(default_factory=KeycloakSettings)
    local: LocalSettings = Field(default_factory=LocalSettings)


class StackFile:
    """The stack file as text: finds the line of a setting. It may be absent (a config file kept
    elsewhere); then errors name the key only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._root: yaml.Node | None = None
        if path.exists():
            self._root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)

    def where(self, key: tuple[str | int, ...]) -> str:
        """`stacks/Pulumi.local.yaml, line 7: nebula:platform.topics[0].partitions`."""
        name = KEY + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
        line = self._line((KEY, *key))
        return f"{self.path.parent.name}/{self.path.name}{f', line {line}' if line else ''}: {name}"

    def _line(self, key: tuple[str | int, ...]) -> int | None:
        node, line = self._root, None
        for part in ("config", *key):
            found = _child(node, part)
            if found is None:
                break
            node, line = found
        return line

    def unknown_keys(self) -> list[str]:
        """Keys of our namespace in `config` other than `nebula:platform`."""
        found = _child(self._root, "config")
        if found is None or not isinstance(found[0], yaml.MappingNode):
            return []
        keys = [key.value for key, _ in found[0].value]
        return [key for key in keys if key.startswith("nebula:") and key != KEY]


def _child(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == part:
                return value, key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item, item.start_mark.line + 1
    return None


def parse(document: str | None, stack_file: StackFile) -> Settings:
    """The settings in `document`, the JSON of `nebula:platform`.

    Raises SettingsError, which names every wrong key, its line and what is allowed.
    """
    if unknown := stack_file.unknown_keys():
        raise SettingsError(
            f"{stack_file.path.name}: {', '.join(unknown)} is not a setting of Nebula; all are below {KEY}"
        )
    if document is None:
        raise SettingsError(
            f"{stack_file.path.name} has no {KEY}: start from stacks/Pulumi.local.template.yaml"
        )
    try:
        return Settings.model_validate_json(document)
    except ValidationError as error:
        lines = [_explain(detail, stack_file) for detail in error.errors(include_url=False)]
        raise SettingsError("the stack's configuration is not valid\n  " + "\n  ".join(lines)) from None


def _explain(detail: Mapping[str, Any], stack_file: StackFile) -> str:
    key = tuple(detail["loc"])
    message = str(detail["msg"])
    if detail["type"] == "extra_forbidden":
        known = _fields(key[:-1])
        close = get_close_matches(str(key[-1]), known, n=1)
        message = (
            f"unknown key; did you mean {close[0]}?" if close else f"unknown key; known: {', '.join(known)}"
        )
    elif detail["type"].endswith("_type") or detail["type"].startswith("literal"):
        message = f"{message}, got {json.dumps(detail['input'])}"
    elif detail["type"] == "string_pattern_mismatch":
        message = f"{json.dumps(detail['input'])} is not a valid name ({detail['ctx']['pattern']})"
    return f"{stack_file.where(key)}: {message}"


def _fields(key: tuple[str | int, ...]) -> list[str]:
    """The field names of the model that `key` leads to."""
    schema: dict[str, Any] = Settings.model_json_schema()
    node: dict[str, Any] = schema
    for part in key:
        node = node.get("items", {}) if isinstance(part, int) else node.get("properties", {}).get(part, {})
        if reference := node.get("$ref"):
            node = schema["$defs"][re.sub(r"^#/\$defs/", "", reference)]
    return sorted(node.get("properties", {}))


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a whole stack file, for editors."""
    schema = Settings.model_json_schema()
    definitions = schema.pop("$defs", {})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Nebula stack file",
        "type": "object",
        "properties": {
            "config": {"type": "object", "properties": {KEY: schema}, "required": [KEY]},
        },
        "required": ["config"],
        "$defs": definitions,
    }


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=2))
