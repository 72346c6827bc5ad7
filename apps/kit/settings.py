"""Settings of an app: a JSON file read into a pydantic model, with errors that name the key."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, SecretStr, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from apps.kit.errors import AppError

T = TypeVar("T")


class SpecError(AppError):
    """The spec file cannot be read, or a key of it is wrong."""

    exit_code: ClassVar[int] = 2


class Spec(BaseModel):
    """A model of settings: immutable, unknown keys refused, values kept out of error messages."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def load(path: Path, model: TypeAdapter[T], discriminator: str | None = None) -> T:
    """The JSON file at `path` as `model`; `discriminator` is the key that picks a union's member.

    Raises SpecError, which names each wrong key.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise SpecError(f"cannot read the spec {path}: {error.strerror}") from error
    try:
        content = json.loads(text)
    except ValueError as error:
        # The decoder's own message quotes no content; the text itself may hold secrets.
        raise SpecError(f"{path} is not JSON: {error}") from None
    try:
        return model.validate_python(content)
    except ValidationError as error:
        tagged = isinstance(content, dict) and discriminator in content
        problems = "; ".join(_problem(problem, tagged) for problem in error.errors(include_input=False))
        raise SpecError(f"{path}: {problems}") from None


def secrets_of(value: object) -> Iterator[str]:
    """Every SecretStr in a model, however deep."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets_of(getattr(value, name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from secrets_of(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from secrets_of(item)


def _problem(problem: ErrorDetails, tagged: bool) -> str:
    # pydantic puts the tag of a discriminated union in front, which is no key of the file.
    location = problem["loc"][1:] if tagged else problem["loc"]
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = "unknown key"
    elif problem["type"] == "missing":
        message = "required"
    elif problem["type"] in ("union_tag_invalid", "union_tag_not_found"):
        location = (str(problem["ctx"]["discriminator"]).strip("'"),)
    return f"{_key(location)}: {message}" if location else message


def _key(location: Sequence[int | str]) -> str:
    """`databases[0].owner`."""
    key = ""
    for part in location:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else part
    return key
