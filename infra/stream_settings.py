"""JetStream streams in the stack's configuration, held to what the server takes."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from infra.model import Model, StreamName, problem, refuse_repeated

_OWN = ("$JS", "$SYS")


def _subject(subject: str) -> str:
    *before, last = tokens = subject.split(".")
    if not all(tokens):
        raise ValueError("has an empty part: write parts with one . between them (orders.created)")
    if ">" in before or any(len(token) > 1 and token[-1] == ">" for token in tokens):
        raise ValueError("has > before its end: it stands for all that follows, as the last part (orders.>)")
    if last == ">" and all(token == "*" for token in before):
        raise ValueError(
            f"{subject} takes in the server's own subjects ($JS.…): begin with a part of your own"
        )
    if tokens[0] in _OWN:
        raise ValueError(f"{tokens[0]} is the server's own: begin with a part of your own")
    return subject


Subject = Annotated[
    str, StringConstraints(pattern=r"^[^\s\x00-\x1f\x7f]+$", max_length=255), AfterValidator(_subject)
]
"""A subject filter: parts between dots; `*` stands for one part, a last `>` for one or more."""


class StreamSettings(Model):
    """A JetStream stream and the subjects it keeps."""

    name: StreamName
    subjects: list[Subject] = Field(min_length=1)


def check_streams(streams: Sequence[StreamSettings]) -> None:
    """Raises PydanticCustomError for what is there twice."""
    names = [stream.name for stream in streams]
    for index, stream in enumerate(streams):
        if stream.name in names[:index]:
            raise problem(("streams", index, "name"), f"stream {stream.name} is declared twice: remove one")
        refuse_repeated(("streams", index, "subjects"), stream.subjects, "subject")
