"""The settings of JetStream streams, checked against the rules of the server."""

from collections.abc import Sequence

from pydantic import Field

from infra.model import Model, StreamName, problem, refuse_repeated
from infra.subjects import Subject, wrong_streams


class StreamSettings(Model):
    """A JetStream stream and the subjects it keeps."""

    name: StreamName
    subjects: list[Subject] = Field(min_length=1)


def check_streams(streams: Sequence[StreamSettings]) -> None:
    """Raises PydanticCustomError for a stream that is declared twice, and for subjects that the server
    would refuse."""
    names = [stream.name for stream in streams]
    refuse_repeated(("streams",), names, "stream")
    if found := wrong_streams({stream.name: stream.subjects for stream in streams}):
        name, at, reason = found
        raise problem(("streams", names.index(name), "subjects", at), reason)
