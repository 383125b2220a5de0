"""What becomes of calls when more come than the services can take, and when a service stops."""

import os
import signal
import threading
import time

from overload_rig import Backend, at_once, door
from programs import CALL_SECONDS_MAX

SLOW = "stratus.weather.v1.WeatherService/GetForecast"


def wait_until(condition, why):
    deadline = time.monotonic() + CALL_SECONDS_MAX
    while not condition():
        assert time.monotonic() < deadline, why
        time.sleep(0.01)


def assert_refused(reply):
    assert reply.status == 503, reply
    assert int(reply.headers["retry-after"]) >= 1
    error = reply.json()
    assert error["code"] == 14
    assert [detail["@type"] for detail in error["details"]] == ["type.googleapis.com/google.rpc.RetryInfo"]
    assert "127.0.0.1" in error["message"]


def test_a_slow_method_does_not_starve_a_quick_one_and_what_is_too_much_is_refused_early(tmp_path):
    backend = Backend("--workers=64", "--hold=GetForecast")
    with door(tmp_path, backend, overload={"calls_min": 16, "calls_max": 16, "queue_wait": "0.1s"}) as gateway:
        slow = at_once(60, gateway.forecast)
        # Three quarters of sixteen are under way, and nobody waits for long.
        wait_until(lambda: sum(reply.done() for reply in slow) == 48, "what is too much is refused")
        assert gateway.metric("stratus_gateway_method_calls_in_flight", method=SLOW) == 12
        for reply in (one.result() for one in slow if one.done()):
            assert_refused(reply)
        for _ in range(50):
            assert gateway.places().status == 200
        assert gateway.metric("stratus_gateway_method_calls_shed_total", method=SLOW) == 48
        backend.release()
        assert sorted(one.result().status for one in slow) == [200] * 12 + [503] * 48
        assert gateway.forecast().status == 200
        assert gateway.metric("stratus_gateway_upstream_calls_in_flight") == 0


def test_the_limit_finds_what_the_service_can_take(tmp_path):
    # Eight at a time: with 64 clients a call would take a second, behind 56 others.
    backend = Backend("--workers=8", "--seconds=GetForecast=0.125")
    with door(tmp_path, backend, overload={"calls_min": 4}) as gateway:
        assert gateway.metric("stratus_gateway_upstream_calls_limit") == 256
        assert gateway.forecast().status == 200  # what a call takes alone
        replies = []
        enough = threading.Event()

        def press():
            while not enough.is_set():
                replies.append(gateway.forecast())

        pressing = at_once(64, press)
        wait_until(lambda: gateway.metric("stratus_gateway_upstream_calls_limit") < 64, "the limit is cut")
        before = len(replies)
        wait_until(lambda: sum(reply.status == 200 for reply in replies[before:]) > 100, "honest replies still come")
        enough.set()
        for one in pressing:
            one.result()
        refused = [reply for reply in replies if reply.status != 200]
        assert refused, "more came than fits"
        for reply in refused:
            assert_refused(reply)


def test_a_grpc_client_is_told_when_to_come_again(tmp_path):
    import grpc

    backend = Backend("--workers=64", "--hold=GetForecast")
    with door(tmp_path, backend, overload={"calls_min": 4, "calls_max": 4, "queue_wait": "0s"}) as gateway:
        slow = at_once(3, gateway.forecast)
        wait_until(lambda: gateway.metric("stratus_gateway_upstream_calls_in_flight") == 3, "three are under way")
        with grpc.insecure_channel(gateway.program.addresses["gateway"]) as channel:
            forecast = channel.unary_unary("/" + SLOW)
            refused = forecast.future(b"", timeout=CALL_SECONDS_MAX)
            assert refused.code() == grpc.StatusCode.UNAVAILABLE
            trailers = dict(refused.trailing_metadata())
            assert 1000 <= int(trailers["grpc-retry-pushback-ms"]) <= 2000
            assert b"google.rpc.RetryInfo" in trailers["grpc-status-details-bin"]
        backend.release()
        assert [one.result().status for one in slow] == [200] * 3


def stop_one_of_two(gateway, backends, calls):
    """Stops one of two servers; the statuses of the calls made until it is left alone."""
    for _ in range(10):
        assert gateway.forecast().status == 200
    assert gateway.metric("stratus_gateway_upstream_connections_open") == 2
    os.kill(backends[0].process.pid, signal.SIGSTOP)
    statuses = []
    wait_until(
        lambda: statuses.extend(calls()) or gateway.metric("stratus_gateway_upstream_ejections_total") > 0,
        "the server that has stopped is ejected",
    )
    return statuses


def test_a_service_that_stops_is_left_alone_and_its_calls_are_made_elsewhere(tmp_path):
    backends = [Backend(), Backend()]
    keepalive = {"interval": "0.1s", "timeout": "0.5s"}
    with door(tmp_path, *backends, keepalive=keepalive) as gateway:
        statuses = stop_one_of_two(gateway, backends, lambda: [gateway.forecast().status])
        assert set(statuses) == {200}, "no side effects: made again by the other one"
        assert [gateway.forecast().status for _ in range(20)] == [200] * 20
        assert gateway.metric("stratus_gateway_upstream_unresponsive_total") == 1


def test_a_service_whose_calls_time_out_is_left_alone(tmp_path):
    backends = [Backend(), Backend()]
    outliers = {"consecutive_timeouts": 3, "timeout_min": "0.1s"}
    with door(tmp_path, *backends, keepalive={"interval": "0s"}, outliers=outliers) as gateway:
        statuses = stop_one_of_two(gateway, backends, lambda: [gateway.forecast(grpc_timeout="300m").status])
        assert statuses.count(504) >= 3
        assert set(statuses) <= {200, 504}
        assert [gateway.forecast().status for _ in range(20)] == [200] * 20
