"""Who owes bytes sends them in time: the call's deadline covers its body, and a least rate covers what has none."""

import hostile_attacks as attacks
from hostile_rig import DATA, HEADERS, attacked, frames


def statuses(got):
    """How often a head came, and whether the reply says what it is about."""
    kinds = [kind for kind, *_ in frames(got)]
    text = b"".join(payload for kind, _, _, payload in frames(got) if kind == DATA)
    return kinds.count(HEADERS), text


def test_the_deadline_covers_an_http2_body_that_stops(door):
    with attacked(door):
        got, seconds = attacks.stopped_h2_body(door, timeout=b"1S")
    heads, text = statuses(got)
    assert heads == 1 and b'"code":4' in text
    assert seconds < 3


def test_the_deadline_covers_an_http2_body_that_drips(door):
    with attacked(door):
        got, seconds = attacks.stopped_h2_body(door, timeout=b"1S", drip=b"x" * 1000)
    heads, text = statuses(got)
    assert heads == 1 and b'"code":4' in text
    assert seconds < 3


def test_a_least_rate_ends_an_http2_body_that_stops(door):
    slow = door.metric("stratus_gateway_slow_bodies_total")
    with attacked(door):
        got, seconds = attacks.stopped_h2_body(door, timeout=b"60S")
    heads, text = statuses(got)
    assert heads == 1 and b"did not arrive in time" in text
    assert seconds < 7
    assert door.metric("stratus_gateway_slow_bodies_total") == slow + 1


def test_the_deadline_covers_an_http1_body_that_drips(door):
    with attacked(door):
        got, seconds = attacks.dripping_body(door)
    assert got.startswith((b"HTTP/1.1 504", b"HTTP/1.1 408"))
    assert seconds < 7
