"""Floods that cost their sender nothing end the connection, and the others do not notice."""

import hostile_attacks as attacks
import pytest
from hostile_rig import ENHANCE_YOUR_CALM, attacked, call, closing, drain, goaway_code


def test_resets_that_a_client_brings_about_are_counted(door):
    requests = door.metric("stratus_gateway_requests_total")
    with attacked(door) as honest:
        got, ended = attacks.provoked_resets(door)
    assert ended
    # The GOAWAY may be lost: who sends on after it gets a reset.
    assert goaway_code(got) in (ENHANCE_YOUR_CALM, None)
    assert door.metric("stratus_gateway_requests_total") - requests < 1500 + len(honest.seconds) + 2


@pytest.mark.parametrize("where", ["head", "trailers"])
def test_a_header_bomb_ends_its_connection(door, where):
    flooded = door.metric("stratus_gateway_connections_flooded_total")
    with attacked(door):
        outcomes = attacks.header_bomb(door, trailers=where == "trailers")
    assert all(ended for _, ended in outcomes)
    assert door.metric("stratus_gateway_connections_flooded_total") - flooded == len(outcomes)


@pytest.mark.parametrize("kind", attacks.CHEAP_FRAMES)
def test_frames_that_carry_next_to_nothing_are_cut(door, kind):
    flooded = door.metric("stratus_gateway_connections_flooded_total")
    with attacked(door):
        _, ended = attacks.cheap_frames(door, kind)
    assert ended
    assert door.metric("stratus_gateway_connections_flooded_total") == flooded + 1


def test_chunk_extensions_are_cut(door):
    with attacked(door):
        _, (got, ended) = attacks.chunk_extensions(door)
    assert ended
    assert got.startswith(b"HTTP/1.1 400") or not got  # a reset may overtake it


@pytest.mark.parametrize("host", ["x:port", "[::1", "x:80:80", "x:99999", "[::1]x"])
def test_a_host_that_two_readers_could_take_differently_is_refused(door, host):
    with closing([door.connect()]) as (client,):
        client.sendall(b"GET /get HTTP/1.1\r\nhost: %s\r\n\r\n" % host.encode())
        assert drain(client)[0].startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("trailer", [b"a: b\r\n c", b"a:\r\n b", b"a: b\r\n\t"])
def test_folded_trailers_are_refused(door, trailer):
    with closing([door.connect()]) as (client,):
        client.sendall(attacks.POST + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n" + trailer + b"\r\n\r\n")
        assert drain(client)[0].startswith(b"HTTP/1.1 400")


def test_a_tls_client_on_the_plain_port_is_told_at_once(door):
    with attacked(door), closing([door.connect()]) as (client,):
        client.sendall(bytes.fromhex("1603010200010001fc0303") + b"\0" * 100)
        got, ended = drain(client, 1)
        assert got.startswith(b"HTTP/1.1 400") and ended


def test_the_gateway_still_answers(door):
    assert call(f"http://{door.address[0]}:{door.address[1]}/get?size=1").json()["text"] == "here you are"
