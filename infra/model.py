"""Defines the types and the base class that all settings share."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

_RESERVED_BUCKETS = frozenset({"minio"})
_RESERVED_ENDINGS = ("-s3alias", "--ol-s3")
_LARGEST_PORT = 65535


def problem(key: tuple[str | int, ...], message: str) -> PydanticCustomError:
    """Returns the error that a validator raises for the setting at `key`, a path that starts at the
    validator's own model."""
    return PydanticCustomError("setting", "{problem}", {"problem": message, "key": key})


def refuse_repeated(key: tuple[str | int, ...], names: Sequence[str], what: str) -> None:
    """Raises PydanticCustomError for the second of two equal `names` in the list at `key`."""
    for index, name in enumerate(names):
        if name in names[:index]:
            raise problem((*key, index), f"{what} {name} is declared twice: remove one")


def _bucket(name: str) -> str:
    if name in _RESERVED_BUCKETS or name.endswith(_RESERVED_ENDINGS):
        raise ValueError(f"{name} is a name that MinIO or S3 keeps to itself: choose another")
    return name


def with_port(text: str) -> str:
    """Returns `text` (`host:port`, with or without a path, or a URL). Raises ValueError for a port above
    65535."""
    port = text.split("://", 1)[-1].split("/", 1)[0].partition(":")[2]
    if port and int(port) > _LARGEST_PORT:
        raise ValueError(f"{port} is no port: the largest is {_LARGEST_PORT}")
    return text


HOST = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
BucketName = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$"), AfterValidator(_bucket)
]
DatabaseName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]
StreamName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
HostName = Annotated[str, StringConstraints(pattern=rf"^{HOST}$", max_length=253)]
Port = Annotated[int, Field(ge=1, le=_LARGEST_PORT)]
HostPortText = Annotated[
    str, StringConstraints(pattern=rf"^{HOST}:[1-9][0-9]{{0,4}}$"), AfterValidator(with_port)
]
OriginUrl = Annotated[
    str, StringConstraints(pattern=rf"^https?://{HOST}(:[1-9][0-9]{{0,4}})?/?$"), AfterValidator(with_port)
]
IssuerUrl = Annotated[
    str,
    StringConstraints(pattern=rf"^https?://{HOST}(:[1-9][0-9]{{0,4}})?(/[^\s?#{{}}$\\]*)?$"),
    AfterValidator(with_port),
]
# What Kubernetes takes for the name of an object, and for the key of a label or an annotation.
ObjectName = HostName
LabelName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
QualifiedName = Annotated[
    str, StringConstraints(pattern=rf"^({HOST}/)?[A-Za-z0-9]([A-Za-z0-9._-]{{0,61}}[A-Za-z0-9])?$")
]


class Model(BaseModel):
    """The base of all settings: it refuses unknown keys and wrong types, and is immutable. Its errors do
    not show the input, which may be a secret."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)
