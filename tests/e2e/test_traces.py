"""One call, one trace: what the sandbox's X-Ray daemon got of it, strict about every field."""

import concurrent.futures
import json
import os
import time

import pytest
from programs import BUILD, Gateway, Program, call
from trace_rig import ANEW, SECONDS_MAX, new_trace, span_counts, xray_id


def traces(gateway, trace_id=""):
    return call(f"http://{gateway.sandbox}/traces{'/' if trace_id else ''}{trace_id}?format=json")


def wait_for_trace(gateway, trace_id, names):
    """The spans of a trace by name, once those are there and everything fits together."""
    deadline = time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline:
        reply = traces(gateway, xray_id(trace_id))
        if reply.status == 200:
            trace = reply.json()
            spans = {span["name"] + (" (segment)" if span["segment"] else ""): span for span in trace["spans"]}
            if not trace["problems"] and set(names) <= set(spans):
                return trace["spans"], spans
        time.sleep(0.05)
    pytest.fail(f"the trace has not come: {reply.body}")


def end(span):
    return span["start"] + span["duration_ms"] / 1000


def begins_within(inner, outer):
    # Programs on one machine share its clock; each takes the time of day by itself.
    return outer["start"] - 0.005 <= inner["start"] <= end(outer) + 0.005


def within(inner, outer):
    return begins_within(inner, outer) and end(inner) <= end(outer) + 0.005


def test_a_call_is_one_trace_from_the_door_to_the_source(gateway, token):
    trace_id, parent = new_trace()
    lat, lon = (int.from_bytes(os.urandom(1), "big") / 4 for _ in range(2))  # asked for by nobody else
    headers = {"traceparent": f"00-{trace_id}-{parent}-01"}
    reply = gateway.call(f"/v1/weather:today?lat={lat}&lon={lon}", token, headers=headers)
    assert reply.status == 200, reply.body
    assert reply.headers["x-amzn-trace-id"] == f"Root={xray_id(trace_id)}"
    spans, by_name = wait_for_trace(
        gateway, trace_id, ["stratus-gateway (segment)", "stratus.weather.v1.WeatherService", "stratus-weather (segment)"]
    )
    door, upstream = by_name["stratus-gateway (segment)"], by_name["stratus.weather.v1.WeatherService"]
    service = by_name["stratus-weather (segment)"]
    assert door["parent_id"] == parent
    assert upstream["parent_id"] == door["id"] and upstream["remote"]
    assert service["parent_id"] == upstream["id"]
    assert service["document"]["annotations"]["cache"] == "miss"
    sources = [span for span in spans if span["parent_id"] == service["id"]]
    assert [source["remote"] for source in sources] == [True]
    assert sources[0]["document"]["http"]["response"]["status"] == 200
    assert within(upstream, door) and within(sources[0], service)
    # The service's span ends once gRPC has let the call go: its caller has the answer by then.
    assert begins_within(service, upstream) and end(sources[0]) <= end(upstream) + 0.005


def test_a_trace_that_an_x_ray_client_began_goes_on(gateway, token):
    trace_id, parent = new_trace()
    header = f"Root={xray_id(trace_id)};Parent={parent};Sampled=1;Lineage=25:1"
    assert gateway.call("/v1/weather:today", token, headers={"X-Amzn-Trace-Id": header, **ANEW}).status == 200
    _, by_name = wait_for_trace(gateway, trace_id, ["stratus-weather (segment)"])
    assert by_name["stratus-gateway (segment)"]["parent_id"] == parent


def test_a_call_that_its_caller_does_not_sample_leaves_no_trace(gateway, token):
    trace_id, parent = new_trace()
    reply = gateway.call("/v1/weather:today", token, headers={"traceparent": f"00-{trace_id}-{parent}-00", **ANEW})
    assert reply.status == 200
    later, parent = new_trace()
    gateway.call("/v1/weather:today", token, headers={"traceparent": f"00-{later}-{parent}-01", **ANEW})
    wait_for_trace(gateway, later, ["stratus-weather (segment)"])  # what came before it would be there by now
    assert traces(gateway, xray_id(trace_id)).status == 404


def test_a_refused_call_has_a_trace_too(gateway):
    trace_id, parent = new_trace()
    assert gateway.call("/v1/weather:today", headers={"traceparent": f"00-{trace_id}-{parent}-01"}).status == 401
    spans, _ = wait_for_trace(gateway, trace_id, ["stratus-gateway (segment)"])
    assert [span["outcome"] for span in spans] == ["error"]


@pytest.mark.parametrize("method, path, status", [("GET", "/nothing/here?secret=1", 404), ("PATCH", "/v1/weather:today", 405)])
def test_what_no_method_is_there_for_has_a_trace_too(gateway, method, path, status):
    trace_id, parent = new_trace()
    headers = {"traceparent": f"00-{trace_id}-{parent}-01"}
    assert gateway.call(path, method=method, headers=headers).status == status
    spans, _ = wait_for_trace(gateway, trace_id, ["stratus-gateway (segment)"])
    assert [span["outcome"] for span in spans] == ["error"]
    assert spans[0]["document"]["http"]["response"]["status"] == status
    assert spans[0]["document"]["annotations"]["route"] == "unmatched"
    assert "secret" not in json.dumps(spans)


def test_a_run_that_outlives_its_call_stays_in_the_calls_trace(gateway, token):
    trace_id, parent = new_trace()
    body = json.dumps({"title": "traced", "body": "one call, one trace"}).encode()
    headers = {"traceparent": f"00-{trace_id}-{parent}-01", "content-type": "application/json", "prefer": "wait=0"}
    reply = gateway.call("/note?stack=traced", token, "POST", headers, body)
    assert reply.status == 202, reply.body
    spans, by_name = wait_for_trace(gateway, trace_id, ["launch", "apply"])
    segments = [span for span in spans if span["name"] == "stratus-provisioning" and span["segment"]]
    asked, run = sorted(segments, key=lambda span: "run" in span["document"].get("annotations", {}))
    assert run["parent_id"] == asked["id"]
    assert run["document"]["annotations"]["run_status"] == "RUN_STATUS_APPLIED"
    assert end(run) > end(asked)
    assert by_name["apply"]["parent_id"] == run["id"]
    assert by_name["apply"]["document"]["annotations"]["exit_code"] == 0
    assert gateway.call("/note?stack=traced", token, "DELETE").status == 200


def test_a_database_call_is_a_part_of_the_call_and_shows_no_value(gateway, token):
    trace_id, parent = new_trace()
    headers = {"traceparent": f"00-{trace_id}-{parent}-01"}
    assert gateway.call("/v1/stacks/very-secret-name", token, headers=headers).status == 404
    spans, by_name = wait_for_trace(gateway, trace_id, ["SQLite"])
    service, query = by_name["stratus-provisioning (segment)"], by_name["SQLite"]
    assert query["parent_id"] == service["id"] and query["remote"] and within(query, service)
    assert query["outcome"] == "ok", "a row that is not there is an answer"
    assert query["document"]["sql"]["database_type"] == "SQLite"
    assert "FROM stacks" in query["document"]["sql"]["sanitized_query"]
    assert "very-secret-name" not in query["document"]["sql"]["sanitized_query"]


def test_logs_name_the_trace(gateway, token):
    trace_id, parent = new_trace()
    gateway.call("/v1/weather:today", token, headers={"traceparent": f"00-{trace_id}-{parent}-00"})
    deadline = time.monotonic() + SECONDS_MAX
    while f'"traceId":"{trace_id}"' not in gateway.program.log():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_daemon_that_is_away_costs_spans_and_no_call(tmp_path):
    program = Program(
        "stratusd",
        tmp_path,
        "--profile=development",
        "--listen=127.0.0.1:0",
        f"--data-dir={tmp_path / 'data'}",
        "--sandbox-listen=127.0.0.1:0",
        "--admin-listen=127.0.0.1:0",
        f"--descriptors={BUILD / 'share' / 'stratus.pb'}",
        env={"OPEN_METEO_DOMAIN": "http://127.0.0.1:1", "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:1"},
    )
    a = program.addresses
    door = Gateway(a["gateway"], a["weather"], a["sandbox"], program, a["provisioning"])
    token = door.token()
    for _ in range(20):
        trace_id, parent = new_trace()
        headers = {"traceparent": f"00-{trace_id}-{parent}-01", **ANEW}
        assert door.call("/v1/weather:today", token, headers=headers).status == 200
    deadline = time.monotonic() + SECONDS_MAX
    while True:
        count = span_counts(program, "xray")
        if count["created"] >= 60 and count["created"] == count["dropped"]:
            break
        assert time.monotonic() < deadline, count
        time.sleep(0.05)
    assert count["sent"] == 0
    assert program.stop() == 0, program.log()
    assert "no answer about sampling" in program.log()


def test_a_load_loses_nothing_in_silence(gateway, token):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: gateway.call("/v1/weather:today", token, headers=ANEW).status, range(400)))
    assert set(replies) == {200}
    deadline = time.monotonic() + SECONDS_MAX
    while True:
        count = span_counts(gateway.program, "xray")
        daemon = traces(gateway).json()
        settled = count["created"] == count["sent"] + count["dropped"] and daemon["spans"] == count["sent"]
        if settled and daemon["waiting"] == 0:
            break
        assert time.monotonic() < deadline, (count, daemon["spans"], daemon["overrun"])
        time.sleep(0.1)
    assert count["dropped"] == 0
    assert daemon["rejected"] == 0, daemon["rejections"]


def test_the_page_shows_a_timeline(gateway, token):
    trace_id, parent = new_trace()
    gateway.call("/v1/weather:today", token, headers={"traceparent": f"00-{trace_id}-{parent}-01", **ANEW})
    wait_for_trace(gateway, trace_id, ["stratus-weather (segment)"])
    page = call(f"http://{gateway.sandbox}/traces/{xray_id(trace_id)}")
    assert page.headers["content-type"].startswith("text/html")
    assert page.body.count(b"class='bar") == 3
    assert xray_id(trace_id).encode() in call(f"http://{gateway.sandbox}/traces").body
