"""Requests to JetStream's API: about a stream, one message of it, and the consumer of a shard."""

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
    """A stream, and the first and last sequence that it holds; `last` is 0 if it never had a message."""

    identity: StreamIdentity
    first: int
    last: int


@dataclass(frozen=True)
class ConsumerConfig:
    """The durable consumer of one generation of a shard.

    `subjects` are the ones that it delivers. `window` is how many events may be on their way to the worker,
    or wait there. NATS delivers an event again that is not acknowledged for `ack_wait` seconds. It drops the
    consumer when nobody has asked it for `inactive` seconds: a shard that is gone cannot delete its own.
    """

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
        """Returns the state of the stream `name`."""
        answer = self._ask(f"STREAM.INFO.{name}", {})
        state = answer["state"]
        return StreamState(StreamIdentity(name, answer["created"]), state["first_seq"], state["last_seq"])

    def digest_at(self, stream: str, sequence: int) -> str | None:
        """Returns the hash of the event at `sequence` of `stream`; None if there is none, or no longer."""
        try:
            message = self._ask(f"STREAM.MSG.GET.{stream}", {"seq": sequence})["message"]
        except RefusedError as error:
            if error.code == _NO_MESSAGE:
                return None
            raise
        return digest(message["subject"], base64.b64decode(message.get("data", "")))

    def last_sequence(self, stream: str, subjects: Sequence[str]) -> int:
        """Returns the sequence of the last event of `stream` that one of `subjects` matches; 0 if there is
        none."""
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
        """Deletes the consumer and creates it anew, to deliver from stream sequence `start` on.

        Its own sequence then counts from 1.
        """
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
        """Returns how many events of the consumer are not acknowledged, which means not committed."""
        answer = self._ask(f"CONSUMER.INFO.{consumer.stream}.{consumer.name}", {})
        pending: int = answer["num_pending"] + answer["num_ack_pending"]
        return pending

    def delete_consumer(self, consumer: ConsumerConfig) -> None:
        """Deletes the consumer, if there is one."""
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
