"""What we send, read by an implementation that is not ours: an OpenTelemetry collector gets every call's spans both ways,
as X-Ray datagrams and as OTLP, and what it has understood is compared with what was sent, field by field.
"""

import json
import time

import pytest
from collector_rig import Collector, Relay, attributes
from programs import BUILD, Gateway, Program, call, open_stream
from trace_rig import SECONDS_MAX, new_trace, sampled, span_counts

KIND_INTERNAL, KIND_SERVER, KIND_CLIENT = 1, 2, 3
STATUS_ERROR = 2
# X-Ray has microseconds, cut off, in a double of the seconds since 1970, whose steps are a quarter of one.
TIME_ERROR_NS = 1500


def hex_id(trace_id):
    """The digits of an X-Ray trace id."""
    return trace_id[2:10] + trace_id[11:]


def flatten(document, segment=None, parent=None):
    """The segment or subsegment of a document and those inside it, each with its trace, parent and segment."""
    top = parent is None
    span = {
        **document,
        "trace_id": hex_id(document["trace_id"]) if top else parent["trace_id"],
        "parent_id": document.get("parent_id", "") if top else parent["id"],
        "is_segment": top and "type" not in document,
        "service": segment or document,
    }
    yield span
    for inner in document.get("subsegments", []):
        yield from flatten(inner, span["service"], span)


class Recorded:
    """What was sent and what the collector made of it, once all of it is there."""

    def __init__(self, relay, collector, program):
        deadline = time.monotonic() + SECONDS_MAX
        while True:
            self.counts = {exporter: span_counts(program, exporter) for exporter in ("xray", "otlp")}
            self.datagrams = list(relay.datagrams)
            self.sent = [span for document in relay.documents() for span in flatten(document)]
            self.xray, self.otlp = collector.spans("xray"), collector.spans("otlp")
            if self._settled():
                return
            assert time.monotonic() < deadline, (self.counts, len(self.sent), len(self.xray), len(self.otlp), collector.log())
            time.sleep(0.1)

    def _settled(self):
        xray, otlp = self.counts["xray"], self.counts["otlp"]
        return (
            xray["created"] == xray["sent"] + xray["dropped"]
            and otlp["created"] == otlp["sent"] + otlp["dropped"]
            and xray["sent"] == len(self.sent) == sum(map(len, self.xray.values()))
            and otlp["sent"] == sum(map(len, self.otlp.values()))
        )


class Calls:
    """Calls through the door, each in a trace of its own, by what they are."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.token = gateway.token()
        self.traces = {}

    def headers(self, name):
        self.traces[name] = new_trace()
        return sampled(*self.traces[name])

    def make(self):
        door = self.gateway
        assert door.call("/v1/weather:today?lat=1&lon=2", self.token, headers=self.headers("unary")).status == 200
        assert door.call("/v1/weather:today", headers=self.headers("no token")).status == 401
        assert door.call("/v1/weather:today?lat=91&lon=0", self.token, headers=self.headers("bad request")).status == 400
        door.fault(target="openmeteo", kind="status", status=500, count=10)
        assert door.call("/v1/weather:today?lat=3&lon=4", self.token, headers=self.headers("fault")).status == 503
        door.clear_faults()
        self.stream()
        self.run()

    def stream(self):
        """Cut by the caller after its first message."""
        headers = {**self.headers("stream"), "Authorization": f"Bearer {self.token}", "Accept": "application/x-ndjson"}
        with open_stream(f"{self.gateway.url}/v1/weather:watch?weather.lat=5&weather.lon=6", headers) as watch:
            assert json.loads(watch.readline())["current"]

    def run(self):
        """A provisioning run; what it adds to the trace comes after the answer."""
        body = json.dumps({"title": "collected", "body": "one call, one trace"}).encode()
        headers = {**self.headers("run"), "content-type": "application/json"}
        reply = self.gateway.call("/note?stack=collected", self.token, "POST", headers, body)
        assert reply.status == 201, reply.body


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("collector")
    sandbox = Program("stratus-sandbox", folder / "sandbox", "--profile=development", "--listen=127.0.0.1:0")
    collector = Collector(folder, sandbox.addresses["xray"])
    relay = Relay(collector.xray)
    asked_before = asked_for_rules(sandbox)
    program = Program(
        "stratusd",
        folder / "stratusd",
        "--profile=development",
        "--listen=127.0.0.1:0",
        f"--data-dir={folder / 'data'}",
        "--sandbox-listen=127.0.0.1:0",
        "--admin-listen=127.0.0.1:0",
        f"--descriptors={BUILD / 'share' / 'stratus.pb'}",
        env={
            "OPEN_METEO_DOMAIN": "http://127.0.0.1:1",
            "AWS_XRAY_DAEMON_ADDRESS": f"tcp:127.0.0.1:{collector.proxy} udp:127.0.0.1:{relay.port}",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.otlp}",
            "STRATUS_VERSION": "1.2.3",
        },
    )
    a = program.addresses
    calls = Calls(Gateway(a["gateway"], a["weather"], a["sandbox"], program, a["provisioning"]))
    calls.make()
    wait_for_traces(relay, calls.traces)
    recorded = Recorded(relay, collector, program)
    recorded.traces = calls.traces
    recorded.rules_asked_for = asked_for_rules(sandbox) - asked_before
    recorded.log = collector.log()  # before it stops: it calls its own closing of sockets an error
    assert program.stop() == 0, program.log()
    assert collector.stop() == 0, collector.log()
    relay.stop()
    assert sandbox.stop() == 0, sandbox.log()
    return recorded


def asked_for_rules(sandbox):
    return call(f"http://{sandbox.addresses['sandbox']}/admin/calls").json().get("xray", 0)


# The spans of each call's trace, or the comparison would compare less than it says.
WEATHER = {"stratus-gateway", "stratus.weather.v1.WeatherService", "stratus-weather"}
EXPECTED = {
    "unary": WEATHER,
    "no token": {"stratus-gateway"},
    "bad request": WEATHER,
    "fault": WEATHER,
    "stream": WEATHER,
    "run": {"stratus-gateway", "stratus-provisioning", "SQLite", "launch", "apply"},
}


def wait_for_traces(relay, traces):
    """A cut stream, and a run, have spans that end after the call."""
    deadline = time.monotonic() + SECONDS_MAX
    while True:
        spans = [span for document in relay.documents() for span in flatten(document) if "end_time" in span]
        missing = {name: EXPECTED[name] - {s["name"] for s in spans if s["trace_id"] == traces[name][0]} for name in EXPECTED}
        run_is_over = any("run_status" in span.get("annotations", {}) for span in spans)
        if run_is_over and not any(missing.values()):
            return
        assert time.monotonic() < deadline, (missing, run_is_over)
        time.sleep(0.1)


def sent_of(recorded, name):
    return [span for span in recorded.sent if span["trace_id"] == recorded.traces[name][0]]


def test_every_datagram_and_every_request_is_taken(recorded):
    assert recorded.counts["xray"]["dropped"] == recorded.counts["otlp"]["dropped"] == 0
    assert len(recorded.datagrams) > 10
    assert "\twarn\t" not in recorded.log and "\terror\t" not in recorded.log, recorded.log


def test_sampling_rules_come_through_the_collectors_proxy(recorded):
    assert recorded.rules_asked_for >= 1


def test_the_calls_left_what_the_comparison_needs(recorded):
    """Or it would compare less than it says."""
    assert any(span.get("in_progress") for span in sent_of(recorded, "run"))
    assert any("cause" in span for span in sent_of(recorded, "fault"))
    for trace_id, parent in recorded.traces.values():
        (door,) = [s for s in recorded.sent if s["trace_id"] == trace_id and s["name"] == "stratus-gateway"]
        assert door["parent_id"] == parent


def expected_xray_attributes(span):
    """As the collector's X-Ray receiver names the fields of a document."""
    request, response = (span.get("http", {}).get(part, {}) for part in ("request", "response"))
    wanted = {
        "http.method": request.get("method"),
        "http.url": request.get("url"),
        "http.user_agent": request.get("user_agent"),
        "http.client_ip": request.get("client_ip"),
        "http.status_code": response.get("status"),
        "http.response_content_length": response.get("content_length"),
        "db.system": span.get("sql", {}).get("database_type"),
        "db.statement": span.get("sql", {}).get("sanitized_query"),
        **span.get("annotations", {}),
    }
    return {key: content for key, content in wanted.items() if content is not None}


def kind_of(span):
    if span["is_segment"]:
        return KIND_SERVER
    return KIND_CLIENT if span.get("namespace") == "remote" else KIND_INTERNAL


def same_identity(read, span):
    assert read["traceId"] == span["trace_id"]
    assert read.get("parentSpanId", "") == span["parent_id"]
    assert read["name"] == span["name"]
    assert read["kind"] == kind_of(span)


def same_time(nanoseconds, seconds):
    assert abs(int(nanoseconds) - round(seconds * 1e9)) <= TIME_ERROR_NS


def test_the_collector_reads_datagrams_as_they_were_meant(recorded):
    for span in recorded.sent:
        read = [r for r in recorded.xray[span["id"]] if ("aws.xray.inprogress" in attributes(r)) == ("in_progress" in span)]
        assert len(read) == 1, span
        same_identity(read[0], span)
        same_time(read[0]["startTimeUnixNano"], span["start_time"])
        if "end_time" in span:
            same_time(read[0]["endTimeUnixNano"], span["end_time"])
        read_attributes = attributes(read[0])
        for key, content in expected_xray_attributes(span).items():
            assert read_attributes.get(key) == content, (key, span)
        assert sorted(read_attributes.get("aws.xray.annotations", [])) == sorted(span.get("annotations", {}))
        same_exceptions(read[0], span)


def same_exceptions(read, span):
    sent = span.get("cause", {}).get("exceptions", [])
    events = [attributes(event) for event in read.get("events", []) if event["name"] == "exception"]
    assert [(e["exception.type"], e["exception.message"]) for e in events] == [(x["type"], x["message"]) for x in sent]


def test_the_collector_knows_whose_segments_they_are(recorded):
    for span in recorded.sent:
        resource = recorded.xray[span["id"]][0]["resource"]
        if span["service"].get("type") != "subsegment":
            assert resource["service.name"] == span["service"]["name"]
            assert resource["service.version"] == "1.2.3"


def test_otlp_says_the_same_as_the_datagrams(recorded):
    ended = {span["id"]: span for span in recorded.sent if "in_progress" not in span}
    assert set(recorded.otlp) == set(ended)
    for span_id, span in ended.items():
        (read,) = recorded.otlp[span_id]
        same_identity(read, span)
        same_time(read["startTimeUnixNano"], span["start_time"])
        same_time(read["endTimeUnixNano"], span["end_time"])
        read_attributes = attributes(read)
        response = span.get("http", {}).get("response", {})
        assert read_attributes.get("http.response.status_code") == response.get("status")
        assert read_attributes.get("http.request.method") == span.get("http", {}).get("request", {}).get("method")
        assert read_attributes.get("url.full") == span.get("http", {}).get("request", {}).get("url")
        assert read_attributes.get("db.system.name") == span.get("sql", {}).get("database_type")
        assert read_attributes.get("db.query.text") == span.get("sql", {}).get("sanitized_query")
        for key, content in span.get("annotations", {}).items():
            assert read_attributes[key] == content
        failed = span.get("fault", False) or (not span["is_segment"] and span.get("error", False))
        assert (read.get("status", {}).get("code") == STATUS_ERROR) == failed
        same_exceptions(read, span)
        assert read["resource"]["service.version"] == "1.2.3"
