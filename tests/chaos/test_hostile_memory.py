"""Who has the gateway hold memory gets no further than its budget, and harms nobody else."""

import gzip

import hostile_attacks as attacks
import pytest
from hostile_rig import (
    CONFIG,
    ENHANCE_YOUR_CALM,
    GIB,
    MIB,
    PING,
    REFUSED_STREAM,
    Door,
    attacked,
    call,
    frames,
    goaway_code,
    resets,
)


@pytest.mark.parametrize("how", attacks.ANSWERED_IN_PLACE)
def test_a_pipeline_that_is_never_read_is_not_answered(door, how):
    with attacked(door):
        taken = attacks.pipeline_unread(door, attacks.ANSWERED_IN_PLACE[how])
    # What the sockets hold, and not all.
    assert taken < 0.9


def test_streams_are_refused_while_their_client_does_not_read(door):
    with attacked(door):
        got = attacks.streams_unread(door)
    assert resets(got, REFUSED_STREAM) > 0 or goaway_code(got) == ENHANCE_YOUR_CALM


def test_pings_are_answered_while_replies_wait(door):
    with attacked(door):
        got = attacks.streams_unread(door, streams=120)
    assert any(kind == PING and flags & 1 and payload == b"anybody?" for kind, flags, _, payload in frames(got))


def test_bodies_that_pause_fill_the_budget_and_no_more(door):
    refused = door.metric("stratus_gateway_memory_refused_total")
    closed = door.metric("stratus_gateway_connections_memory_closed_total")
    small = door.metric("stratus_gateway_memory_budget_bytes") < 1024 * MIB
    with attacked(door):
        attacks.pause_in_bodies(door, clients=80)
    if small:  # the other one has room for all of them
        refused = door.metric("stratus_gateway_memory_refused_total") - refused
        closed = door.metric("stratus_gateway_connections_memory_closed_total") - closed
        assert refused + closed > 0
        assert "limits.memory_bytes_max" in door.program.log()


def test_small_bodies_that_become_large_fill_the_budget_and_no_more(door):
    with attacked(door):
        attacks.gzip_bombs(door)


def test_replies_behind_a_shut_window_have_their_share(door):
    slow = door.metric("stratus_gateway_slow_readers_total")
    with attacked(door):
        attacks.shut_windows(door)
    assert door.metric("stratus_gateway_slow_readers_total") > slow


def test_a_body_that_has_no_room_is_refused_so_that_it_comes_again(tmp_path):
    # An eighth of the memory is less than the body.
    door = Door(tmp_path, 6 * GIB, config=CONFIG.replace("limits:", "limits:\n  memory_bytes_max: 67108864"))
    try:
        url = f"http://{door.address[0]}:{door.address[1]}/take"
        coded = {"content-type": "application/json", "content-encoding": "gzip"}
        reply = call(url, "POST", coded, gzip.compress(attacks.take_text(12 * MIB)))
        assert reply.status == 503
        assert reply.headers["retry-after"] == "1"
        assert reply.json()["code"] == 14
        assert reply.json()["details"][0]["@type"].endswith("google.rpc.RetryInfo")
        small = call(url, "POST", {"content-type": "application/json"}, attacks.take_text(1000))
        assert small.json() == {"size": 1000}
    finally:
        assert door.stop() == 0
