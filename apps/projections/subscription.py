"""The events of one consumer, in order: requested by overlapping pulls, read by a thread of its own."""

import queue
import threading
import time
from dataclasses import dataclass
from uuid import uuid4

import msgspec

from apps.projections.delivery_order import DeliveryOrder
from apps.projections.errors import ConnectionLostError, GapError, ProjectionError
from apps.projections.jetstream import ConsumerConfig
from apps.projections.nats_connection import Login, Message, NatsConnection, header

_EXPIRES = 30.0
_HEARTBEAT = 3.0
_DATA, _HEARTBEAT_STATUS, _TIMEOUT, _CONFLICT = 0, 100, 408, 409
_SID = 2


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event of the stream. To publish to the subject `reply` acknowledges it and all events before it."""

    sequence: int
    subject: str
    data: bytes
    reply: bytes


@dataclass(frozen=True)
class PullLimits:
    """The numbers of events to request: `pull` at a time, so that at most `window` are on their way or wait
    here."""

    pull: int = 500
    window: int = 8000


class Subscription:
    """The events of a consumer that was just made anew at sequence `start`, in order and without a gap.

    It has a connection of its own, and an inbox that no earlier subscription had, so that no late answer to
    that one comes in. It ends at whatever breaks the order: `fetch` raises that error from then on, and the
    worker begins again from its checkpoint.
    """

    def __init__(self, login: Login, consumer: ConsumerConfig, start: int, limits: PullLimits) -> None:
        self._limits = limits
        self._order = DeliveryOrder(start)
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{consumer.stream}.{consumer.name}".encode()
        self._inbox = f"_INBOX.{uuid4().hex}".encode()
        self._lock = threading.Lock()
        self._asked = 0
        self._untaken = 0
        self._chunks: queue.SimpleQueue[list[Event] | ProjectionError] = queue.SimpleQueue()
        self._rest: list[Event] = []
        self._over = threading.Event()
        self._connection = NatsConnection(login)
        try:
            self._connection.subscribe(self._inbox, _SID)
            self._pull()
        except BaseException:
            self._connection.close()
            raise
        self._reader = threading.Thread(target=self._read, name=f"read {consumer.name}", daemon=True)
        self._reader.start()

    def fetch(self, most: int, timeout: float) -> list[Event]:
        """Returns the events that have come, at most `most`; an empty list if none comes within `timeout`
        seconds.

        Raises GapError or ConnectionLostError once the subscription has ended.
        """
        events = self._rest
        wait = timeout
        while len(events) < most:
            try:
                chunk = self._chunks.get(timeout=wait) if not events else self._chunks.get_nowait()
            except queue.Empty:
                break
            if isinstance(chunk, ProjectionError):
                # The events that came before it are whole and may still be applied.
                self._chunks.put(chunk)
                if not events:
                    raise chunk
                break
            events = events + chunk if events else chunk
        self._rest = events[most:]
        return events[:most]

    def acknowledge(self, last: Event, count: int) -> None:
        """Acknowledges the `count` events up to `last`, which are committed, and requests more."""
        self._connection.publish(last.reply, b"+ACK")
        with self._lock:
            self._untaken -= count
        self._pull()

    def close(self) -> None:
        """Ends the subscription. Events that are not acknowledged stay so."""
        self._over.set()
        self._connection.close()
        self._reader.join()

    def _pull(self) -> None:
        requests = []
        with self._lock:
            while self._asked + self._untaken + self._limits.pull <= self._limits.window:
                self._asked += self._limits.pull
                requests.append(self._request())
        if requests:
            self._connection.send(b"".join(requests))

    def _request(self) -> bytes:
        body = b'{"batch":%d,"expires":%d,"idle_heartbeat":%d}' % (
            self._limits.pull,
            int(_EXPIRES * 1e9),
            int(_HEARTBEAT * 1e9),
        )
        return b"PUB %b %b %d\r\n%b\r\n" % (self._next, self._inbox, len(body), body)

    def _read(self) -> None:
        try:
            heard = time.monotonic()
            while not self._over.is_set():
                messages = self._connection.read(_HEARTBEAT)
                now = time.monotonic()
                if messages:
                    heard = now
                    self._accept(messages)
                elif now - heard > 3 * _HEARTBEAT and self._asked > 0:
                    raise ConnectionLostError(f"NATS was silent for {now - heard:.0f} seconds")
        except ProjectionError as error:
            self._chunks.put(error)

    def _accept(self, messages: list[Message]) -> None:
        events: list[Event] = []
        refused: ProjectionError | None = None
        accept = self._order.accept
        try:
            for message in messages:
                if message.status != _DATA:
                    self._status(message)
                else:
                    reply = message.reply
                    subject = message.subject.decode("utf-8", "replace")
                    events.append(Event(accept(reply), subject, message.data, reply))
        except GapError as error:
            refused = error
        if events:
            with self._lock:
                self._asked -= len(events)
                self._untaken += len(events)
            self._chunks.put(events)
        if refused is not None:
            raise refused

    def _status(self, message: Message) -> None:
        if message.status == _HEARTBEAT_STATUS:
            return
        left = header(message.headers, b"Nats-Pending-Messages")
        if message.status in (_TIMEOUT, _CONFLICT) and left.isdigit():
            with self._lock:
                self._asked -= int(left)
            self._pull()
            return
        raise GapError(f"NATS refused the pull: {message.headers[9:].strip().decode(errors='replace')}")
