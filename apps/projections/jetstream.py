"""What is asked of JetStream's API: the stream, one message, and the consumer of a shard."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from apps.projections.errors import RefusedError
from apps.projections.nats_connection import Login, NatsConnection
from apps.projections.records import StreamIdentity, digest

_NO_MESSAGE = 10037
_NO_CONSUMER = 10014
_NO_STREAM = 10059


@dataclass(frozen=True)
class StreamState:
    """Which stream it is and which sequences it holds; `last` is 0 when it never had a message."""

    identity: StreamIdentity
    first: int
    last: int


@dataclass(frozen=True)
class ConsumerConfig:
    """The durable consumer of one shard: `window` is how many events may be on their way or not yet
    acknowledged. When nobody has asked it for `inactive` seconds, the server drops it: nothing relies on
    it, and of a shard that is gone nobody is left to delete it."""

    stream: str
    name: str
    subjects: Sequence[str]
    window: int
    ack_wait: float = 60.0
    inactive: float = 86_400.0


class JetStream:
    """JetStream's API, over a connection that the first request makes. Use it in a `with`, which closes that.

    Every request raises RefusedError, with JetStream's own code, if the server refuses it, and
    ConnectionLostError if NATS does not answer.
    """

    def __init__(self, login: Login) -> None:
        self._login = login
        self._connection: NatsConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def stream(self, name: str) -> StreamState:
        answer = self._ask(f"STREAM.INFO.{name}", {})
        state = answer["state"]
        return StreamState(StreamIdentity(name, answer["created"]), state["first_seq"], state["last_seq"])

    def digest_at(self, stream: str, sequence: int) -> str | None:
        """The hash of the event at `sequence`, None when there is none (any more)."""
        try:
            message = self._ask(f"STREAM.MSG.GET.{stream}", {"seq": sequence})["message"]
        except RefusedError as error:
            if error.code == _NO_MESSAGE:
                return None
            raise
        return digest(message["subject"], base64.b64decode(message.get("data", "")))

    def last_sequence(self, stream: str, subjects: Sequence[str]) -> int:
        """The sequence of the last event that one of `subjects` matches, 0 when there is none."""
        return max(self._last(stream, subject) for subject in subjects)

    def _last(self, stream: str, subject: str) -> int:
        try:
            found = self._ask(f"STREAM.MSG.GET.{stream}", {"last_by_subj": subject})
        except RefusedError as error:
            if error.code == _NO_MESSAGE:
                return 0
            raise
        sequence: int = found["message"]["seq"]
        return sequence

    def recreate(self, consumer: ConsumerConfig, start: int) -> None:
        """Make the consumer anew, to deliver from sequence `start` on, its own sequence from 1."""
        self.delete_consumer(consumer)
        config = {
            "durable_name": consumer.name,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": start,
            "ack_policy": "all",
            "ack_wait": int(consumer.ack_wait * 1e9),
            "inactive_threshold": int(consumer.inactive * 1e9),
            "max_deliver": -1,
            "max_ack_pending": 2 * consumer.window,
            "max_waiting": 512,
            "filter_subjects": list(consumer.subjects),
            "replay_policy": "instant",
        }
        body = {"stream_name": consumer.stream, "config": config}
        self._ask(f"CONSUMER.DURABLE.CREATE.{consumer.stream}.{consumer.name}", body)

    def lag(self, consumer: ConsumerConfig) -> int:
        """How many events of the consumer's are not acknowledged, which is to say not committed."""
        answer = self._ask(f"CONSUMER.INFO.{consumer.stream}.{consumer.name}", {})
        pending: int = answer["num_pending"] + answer["num_ack_pending"]
        return pending

    def delete_consumer(self, consumer: ConsumerConfig) -> None:
        """So that there is none."""
        try:
            self._ask(f"CONSUMER.DELETE.{consumer.stream}.{consumer.name}", {})
        except RefusedError as error:
            if error.code not in (_NO_CONSUMER, _NO_STREAM):
                raise

    def _ask(self, subject: str, body: Mapping[str, Any]) -> dict[str, Any]:
        data = json.dumps(body).encode() if body else b""
        if self._connection is None:
            self._connection = NatsConnection(self._login)
        answer: dict[str, Any] = json.loads(self._connection.request(f"$JS.API.{subject}", data))
        if error := answer.get("error"):
            hint = ": declare it among the stack's streams" if error.get("err_code") == _NO_STREAM else ""
            raise RefusedError(
                f"JetStream refused {subject}: {error['description']}{hint}", error.get("err_code", 0)
            )
        return answer
