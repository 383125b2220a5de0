"""Tracing when what it meets is wrong: no call fails or waits for it, and what is lost is counted."""

import concurrent.futures
import http.client
import re
import socket

import grpc
import pytest
from clock_rig import JumpingClock
from programs import CALL_SECONDS_MAX, open_stream
from trace_rig import ANEW, Platform, metrics, new_trace, sampled

MEGABYTE = 1 << 20
TEMPORARY_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "ASIASANDBOX",
    "AWS_SECRET_ACCESS_KEY": "sandbox-temporary-secret",
    "AWS_SESSION_TOKEN": "sandbox-session/token+==",
}
STRAIGHT_TO_XRAY = {
    **TEMPORARY_CREDENTIALS,
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "{sandbox}/v1/traces",
    "STRATUS_OTLP_SIGV4_REGION": "us-east-1",
}
# Spans of a call for the weather that is in the cache: door, upstream, service.
SPANS_OF_A_CALL = 3


@pytest.fixture
def platform(tmp_path, request):
    """What a test has to stop, made by its arguments."""
    made = []

    def make(**arguments):
        made.append(Platform(tmp_path / f"platform{len(made)}", **arguments))
        return made[-1]

    yield make
    for each in made:
        if each.daemon.process.poll() is None:
            each.stop()
        else:
            assert each.program.stop() == 0, each.program.log()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("traceparent", "nonsense"),
        ("traceparent", "00-" + "0" * 32 + "-b7ad6b7169203331-01"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"),
        ("traceparent", "\x80\xff\xfe"),
        ("X-Amzn-Trace-Id", "Root=;Parent=;Sampled="),
        ("X-Amzn-Trace-Id", "Root=1-zzzzzzzz-a006649127e371903a2de979;Sampled=1"),
        ("X-Amzn-Trace-Id", ";" * 4000),
        ("X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=" + "l" * 4000),
    ],
)
def test_a_malformed_header_means_a_new_trace_and_never_an_error(gateway, token, name, value):
    reply = gateway.call("/v1/weather:today", token, headers={name: value})
    assert reply.status == 200, reply.body
    root = re.fullmatch(r"Root=1-([0-9a-f]{8})-([0-9a-f]{24})", reply.headers["x-amzn-trace-id"])
    assert root and root.group(2) not in ("0" * 24, "bd862e3fe1be46a994272793")


@pytest.mark.parametrize("name", ["traceparent", "X-Amzn-Trace-Id"])
def test_a_header_of_a_megabyte_is_refused_and_harms_nobody(gateway, token, name):
    address = gateway.address.rsplit(":", 1)
    with socket.create_connection((address[0], int(address[1])), timeout=CALL_SECONDS_MAX) as connection:
        head = f"GET /v1/weather:today HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{name}: "
        answer = b""
        try:
            connection.sendall(head.encode() + b"a" * MEGABYTE + b"\r\n\r\n")
            answer = connection.recv(4096)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it did not wait for the end of it
        assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")
    with grpc.insecure_channel(gateway.address) as channel:
        method = channel.unary_unary("/stratus.weather.v1.WeatherService/GetTodayWeather")
        with pytest.raises(grpc.RpcError):
            method(b"", metadata=[(name.lower(), "a" * MEGABYTE), ("authorization", f"Bearer {token}")], timeout=CALL_SECONDS_MAX)
    assert gateway.call("/v1/weather:today", token).status == 200


@pytest.mark.parametrize("kind", ["slow", "garbage", "truncated", "huge", "drop", "status"])
def test_a_daemon_that_answers_badly_about_sampling_changes_no_call(platform, kind):
    platform = platform(faults=[{"target": "xray", "kind": kind, "count": 0, **({"delay_ms": 3000} if kind == "slow" else {})}])
    for _ in range(5):
        trace_id, parent = new_trace()
        assert platform.weather(sampled(trace_id, parent)).status == 200
    platform.wait_for_trace(trace_id, ["stratus-weather"])
    # The first call that leaves the question open is sampled by the local rules: one a second.
    reply = platform.weather()
    assert reply.status == 200
    assert platform.settled("xray", 6 * SPANS_OF_A_CALL)["dropped"] == 0


def test_spans_go_straight_to_x_ray_signed(platform):
    platform = platform(environment=STRAIGHT_TO_XRAY)
    trace_id, parent = new_trace()
    assert platform.weather(sampled(trace_id, parent)).status == 200
    spans = platform.wait_for_trace(trace_id, ["stratus-gateway", "stratus-weather"])
    assert {span["outcome"] for span in spans} == {"ok"}
    otlp, xray = platform.settled("otlp", SPANS_OF_A_CALL), platform.settled("xray", SPANS_OF_A_CALL)
    assert otlp["dropped"] == xray["dropped"] == 0
    taken = platform.traces()
    assert taken["rejected"] == 0, taken["rejections"]
    assert taken["spans"] == otlp["sent"] + xray["sent"], "each way brought every span"
    for secret in TEMPORARY_CREDENTIALS.values():
        assert secret not in platform.program.log()


def test_a_wrong_secret_costs_spans_and_no_call(platform):
    platform = platform(environment={**STRAIGHT_TO_XRAY, "AWS_SECRET_ACCESS_KEY": "another-secret"})
    assert platform.weather(sampled(*new_trace())).status == 200
    counts = platform.settled("otlp", SPANS_OF_A_CALL)
    assert counts["reasons"] == {"rejected": counts["created"]}
    assert "HTTP 403, InvalidSignatureException" in platform.program.log()
    assert "another-secret" not in platform.program.log() + metrics(platform.program)


@pytest.mark.parametrize(("kind", "reason"), [("status", "rejected"), ("drop", "send_failed")])
def test_an_endpoint_that_misbehaves_costs_spans_and_no_call(platform, kind, reason):
    platform = platform(environment=STRAIGHT_TO_XRAY, faults=[{"target": "otlp", "kind": kind, "count": 0}])
    assert platform.weather(sampled(*new_trace())).status == 200
    counts = platform.settled("otlp", SPANS_OF_A_CALL)
    assert counts["reasons"] == {reason: counts["created"]}
    assert platform.settled("xray", SPANS_OF_A_CALL)["dropped"] == 0, "the other way is not concerned"


def test_a_clock_that_is_set_during_a_call_bends_no_span(tmp_path, platform):
    clock = JumpingClock(tmp_path)
    platform = platform(environment=clock.environment)
    trace_id, parent = new_trace()
    headers = {**sampled(trace_id, parent), "Authorization": f"Bearer {platform.token}", "Accept": "application/x-ndjson"}
    with open_stream(f"{platform.door.url}/v1/weather:watch", headers) as watch:
        assert watch.readline()
        clock.set(-1800)
        during, parent = new_trace()
        assert platform.weather(sampled(during, parent)).status == 200
    clock.set(0)
    for each in (trace_id, during):
        for span in platform.wait_for_trace(each, ["stratus-gateway", "stratus-weather"]):
            assert 0 <= span["duration_ms"] < 60_000, span
    platform.settled("xray", 2 * SPANS_OF_A_CALL)
    assert platform.traces()["rejected"] == 0


class Callers:
    """Threads that each make calls over one connection, every one in a sampled trace of its own."""

    def __init__(self, platform, threads=8):
        self.platform = platform
        self.threads = threads

    def make(self, calls):
        with concurrent.futures.ThreadPoolExecutor(self.threads) as pool:
            statuses = pool.map(lambda _: self._some(calls // self.threads), range(self.threads))
        return {status for some in statuses for status in some}

    def _some(self, calls):
        connection = http.client.HTTPConnection(self.platform.door.address, timeout=CALL_SECONDS_MAX)
        statuses = set()
        for _ in range(calls):
            headers = {**ANEW, **sampled(*new_trace()), "Authorization": f"Bearer {self.platform.token}"}
            connection.request("GET", "/v1/weather:today", headers=headers)
            reply = connection.getresponse()
            reply.read()
            statuses.add(reply.status)
        connection.close()
        return statuses


def test_ten_thousand_requests_lose_nothing_in_silence(platform):
    platform = platform()
    callers = Callers(platform)
    assert callers.make(10_000) == {200}
    counts = platform.settled("xray", 10_000 * SPANS_OF_A_CALL)
    taken = platform.traces()
    while taken["waiting"]:
        taken = platform.traces()
    assert (taken["rejected"], taken["overrun"]) == (0, 0), taken["rejections"]
    # Only root may enlarge the sandbox's buffer enough; what the kernel had no room for it has counted. A datagram of these
    # calls holds one span or two.
    assert taken["lost"] <= counts["sent"] - taken["spans"] <= 2 * taken["lost"]
    # Without the daemon: the same calls, and every span of theirs is counted as dropped.
    assert platform.daemon.stop() == 0
    assert callers.make(800) == {200}
    after = platform.settled("xray", counts["created"] + 800 * SPANS_OF_A_CALL)
    assert after["dropped"] - counts["dropped"] >= 800 * SPANS_OF_A_CALL - 2, "UDP hears of it with the first datagram"
    assert after["reasons"]["refused"] > 0
