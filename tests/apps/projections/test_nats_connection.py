import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.projections.errors import ConnectionLostError
from apps.projections.nats_connection import Message, parse

WORD = st.binary(min_size=1, max_size=8).filter(lambda word: not set(word) & set(b" \r\n"))


def written(message: Message) -> bytes:
    reply = b"" if not message.reply else message.reply + b" "
    if message.headers:
        sizes = b"%d %d" % (len(message.headers), len(message.headers) + len(message.data))
        return b"HMSG %b 2 %b%b\r\n%b%b\r\n" % (message.subject, reply, sizes, message.headers, message.data)
    return b"MSG %b 2 %b%d\r\n%b\r\n" % (message.subject, reply, len(message.data), message.data)


MESSAGES = st.lists(
    st.builds(
        Message,
        WORD,
        st.one_of(st.just(b""), WORD),
        st.binary(max_size=30),
        st.just(0),
        st.sampled_from([b"", b"NATS/1.0\r\nA: b\r\n\r\n"]),
    ),
    max_size=6,
)


@given(MESSAGES, st.integers(1, 40))
def test_messages_are_read_whole_however_they_are_cut(messages: list[Message], size: int) -> None:
    data = b"PING\r\n" + b"".join(written(message) for message in messages)
    found: list[Message] = []
    rest, pings = b"", 0
    for at in range(0, len(data), size):
        more, rest, pinged = parse(rest + data[at : at + size])
        found += more
        pings += pinged
    assert (found, rest, pings) == (messages, b"", 1)


def test_a_status_is_told_from_data() -> None:
    headers = b"NATS/1.0 408 Request Timeout\r\nNats-Pending-Messages: 3\r\n\r\n"
    messages, _, _ = parse(b"HMSG _I 2 %d %d\r\n%b\r\n" % (len(headers), len(headers), headers))
    assert messages[0].status == 408


@pytest.mark.parametrize("line", [b"-ERR 'Authorization Violation'\r\n", b"HTTP/1.1 400 Bad Request\r\n"])
def test_what_ends_the_connection_is_said(line: bytes) -> None:
    with pytest.raises(ConnectionLostError, match=r"the server says"):
        parse(line)
