"""What a person on call reads: lines of the log by trace id, /config, and the level; and what never stands in them."""

import base64
import http.client
import json
import os
import subprocess
import time

import pytest
from programs import BUILD, CALL_SECONDS_MAX, Gateway, Program, call

SECONDS_MAX = 120
API_KEY = "sandbox"  # the one that the sandbox takes
ADMIN_PATHS = ("/livez", "/readyz", "/metrics", "/config", "/loglevel")


class Apart:
    """Every program as a process of its own, with debug logs."""

    def __init__(self, folder):
        self.sandbox = Program("stratus-sandbox", folder / "s", "--listen=127.0.0.1:0", "--profile=development")
        address = self.sandbox.addresses["sandbox"]
        env = {
            "COGNITO_ISSUER": f"http://{address}/us-east-1_sandbox",
            "COGNITO_APP_CLIENT_ID": "*",
            "OPEN_WEATHER_DOMAIN": f"http://{address}/data",
            "OPEN_WEATHER_API_VERSION": "2.5",
            "OPEN_WEATHER_API_KEY": API_KEY,
            "STRATUS_SANDBOX_URL": f"http://{address}",
            "AWS_XRAY_DAEMON_ADDRESS": self.sandbox.addresses.get("xray", ""),
        }
        listen = ["--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--log-level=debug"]
        self.weather = Program("stratus-weather", folder / "w", *listen, env=env)
        self.provisioning = Program(
            "stratus-provisioning", folder / "p", *listen, "--profile=development", f"--data-dir={folder / 'data'}", env=env
        )
        there = self.provisioning.addresses["provisioning"]
        self.gateway = Program(
            "stratus-gateway",
            folder / "g",
            *listen,
            f"--upstream={self.weather.addresses['weather']}",
            *(
                f"--upstream={service}={there}"
                for service in (
                    "stratus.provisioning.v1.ProvisioningService",
                    "stratus.provisioning.v1.ModuleService",
                    "stratus.provisioning.v1.CredentialService",
                    "stratus.provisioning.v1.AuditService",
                    "google.longrunning.Operations",
                )
            ),
            f"--descriptors={BUILD / 'share' / 'stratus.pb'}",
            env=env,
        )
        self.door = Gateway(self.gateway.addresses["gateway"], self.weather.addresses["weather"], address, self.gateway, there)
        self.programs = [self.gateway, self.weather, self.provisioning]

    def lines(self, program, trace_id):
        """The lines of a program's log that name the trace."""
        return [json.loads(line) for line in program.log().splitlines() if trace_id in line]

    def wait_for(self, program, trace_id, wanted, times=1):
        deadline = time.monotonic() + SECONDS_MAX
        while sum(map(wanted, self.lines(program, trace_id))) < times:
            assert time.monotonic() < deadline, self.lines(program, trace_id)
            time.sleep(0.05)
        return self.lines(program, trace_id)

    def stop(self):
        for program in [*self.programs, self.sandbox]:
            assert program.stop() == 0, program.log()


@pytest.fixture(scope="module")
def apart(tmp_path_factory):
    rig = Apart(tmp_path_factory.mktemp("logs"))
    yield rig
    rig.stop()


def new_trace():
    return f"{int(time.time()):08x}{os.urandom(12).hex()}"


def traced(trace_id, **headers):
    # Anew: the door would answer from what it keeps, and the service have no line.
    return {"traceparent": f"00-{trace_id}-{os.urandom(8).hex()}-01", "Cache-Control": "no-cache", **headers}


def test_one_trace_id_finds_the_lines_of_every_program(apart):
    trace_id, token = new_trace(), apart.door.token(client_id="reader")
    assert apart.door.call("/v1/weather:today?lat=10&lon=20", token, headers=traced(trace_id)).status == 200
    headers = traced(trace_id, **{"content-type": "application/json"})
    reply = apart.door.call("/note?stack=logged", token, "POST", headers, b'{"title":"a","body":"b"}')
    assert reply.status == 201, reply.body
    assert apart.door.call("/note?stack=logged", token, "DELETE", traced(trace_id)).status == 200

    door = apart.wait_for(apart.gateway, trace_id, lambda line: line.get("httpMethod") == "DELETE")
    assert [line["status"] for line in door] == [200, 201, 200]
    assert {line["service"] for line in door} == {"stratus-gateway"}
    assert door[0]["route"] == "/v1/weather:today"
    assert door[0]["method"] == "stratus.weather.v1.WeatherService.GetTodayWeather"
    assert door[0]["upstream"] == apart.weather.addresses["weather"]
    weather = apart.wait_for(apart.weather, trace_id, lambda line: "route" in line)
    assert len(weather) == 1
    for line in (door[0], weather[0]):
        assert line["clientId"] == "reader"
        assert line["code"] == "OK"
        assert line["bytesOut"] > 0 and line["ms"] > 0
    assert weather[0]["requestId"] == door[0]["requestId"]
    apart.wait_for(apart.provisioning, trace_id, lambda line: line.get("route", "").endswith("/DestroyModule"))
    # Who waits for a run is told of its end before the log is.
    run = apart.wait_for(apart.provisioning, trace_id, lambda line: line.get("message") == "a run has ended", times=2)
    messages = [line["message"] for line in run if "message" in line]
    assert messages.count("a run begins") == 2
    assert messages.count("a run has ended") == 2
    assert "audit" in messages
    assert {line["traceId"] for line in [*door, *weather, *run]} == {trace_id}


def test_no_credential_is_ever_in_a_log(apart):
    token = apart.door.token()
    forged = token[:-8] + "AAAAAAAA"
    secrets = {
        "header": "hdr-5ecret-0123456789abcdef",
        "query": "qry-5ecret-0123456789abcdef",
        "path": "pth5ecret0123456789abcdef01",
        "basic": base64.b64encode(b"dev:basic-5ecret-0123").decode(),
    }
    calls = [
        ("/v1/weather:today", {"X-Api-Key": secrets["header"], "X-Request-Id": token}),
        (f"/v1/weather:today?lat=1&lon=2&access_token={token}&appid={secrets['query']}", {}),
        (f"/v1/nothing/{token}/{secrets['path']}?token={secrets['query']}", {}),
        ("/v1/weather:today", {"Authorization": f"Basic {secrets['basic']}"}),
        ("/v1/weather:today", {"Authorization": f"Bearer {forged}"}),
        ("/v1/weather:today", {"Authorization": f"Bearer {token[:40]}"}),
        (f"/{token}", {"Cookie": f"session={secrets['header']}"}),
    ]
    for path, headers in calls:
        apart.door.call(path, headers={"Authorization": f"Bearer {token}", **headers})
    apart.door.fault(target="openweather", kind="html", count=50)
    try:
        assert apart.door.call("/v1/weather:today?lat=-33.9&lon=18.4", token).status in (502, 503)
    finally:
        apart.door.clear_faults()
    trace_id = new_trace()
    apart.door.call("/v1/weather:today", token, headers=traced(trace_id))
    for program in (apart.gateway, apart.weather):
        apart.wait_for(program, trace_id, lambda line: line.get("code") == "OK")
    for program in apart.programs:
        log = program.log()
        for secret in [*secrets.values(), "eyJ", token.split(".")[1], token.split(".")[2], forged[-12:], f"appid={API_KEY}"]:
            assert secret not in log, [line for line in log.splitlines() if secret in line]


def test_a_refusal_at_the_door_is_in_its_log_and_in_its_metrics(apart):
    trace_id = new_trace()
    assert apart.door.call("/nothing/here?a=b", headers=traced(trace_id)).status == 404
    assert apart.door.call("/v1/weather:today", method="PUT", headers=traced(trace_id)).status == 405
    assert apart.door.call("/v1/weather:today", headers=traced(trace_id)).status == 401
    lines = apart.wait_for(apart.gateway, trace_id, lambda line: line.get("status") == 401)
    assert [line["status"] for line in lines] == [404, 405, 401]
    assert {line["severity"] for line in lines} == {"WARNING"}
    assert lines[0]["path"] == "/nothing/here"
    assert lines[2]["reason"]
    metrics = call(f"http://{apart.gateway.addresses['admin']}/metrics").body.decode()
    assert 'stratus_gateway_calls_total{route="unmatched",code="NOT_FOUND"}' in metrics
    assert 'stratus_gateway_calls_total{route="/v1/weather:today",code="UNAUTHENTICATED"}' in metrics


def test_config_says_what_a_program_runs_with_and_no_secret(apart):
    for program in apart.programs:
        reply = call(f"http://{program.addresses['admin']}/config")
        assert reply.status == 200
        config = reply.json()
        assert config["program"] == program.name
        assert config["flags"]["--log-level"] == "debug"
        assert config["environment"]["COGNITO_APP_CLIENT_ID"] == "set"
        assert config["auth"]["issuer"].endswith("/us-east-1_sandbox")
        assert set(config["environment"].values()) == {"set", "unset"}
        metrics = call(f"http://{program.addresses['admin']}/metrics").body.decode()
        assert f'stratus_build_info{{program="{program.name}",version="{config["version"]}"}} 1' in metrics
    weather = call(f"http://{apart.weather.addresses['admin']}/config")
    assert weather.json()["environment"]["OPEN_WEATHER_API_KEY"] == "set"
    assert f'"{API_KEY}"' not in weather.body.decode()
    gateway = call(f"http://{apart.gateway.addresses['admin']}/config").json()
    assert len(gateway["gateway"]["upstreams"]) == 2


def test_every_program_has_an_admin_port_and_nothing_of_it_is_public(apart, gateway):
    for program in [*apart.programs, gateway.program]:
        for path in ADMIN_PATHS:
            assert call(f"http://{program.addresses['admin']}{path}").status == 200, (program.name, path)
    token = apart.door.token()
    for path in ADMIN_PATHS:
        for door, caller in ((apart.door, token), (apart.door, None), (gateway, gateway.token())):
            reply = door.call(path, caller)
            assert reply.status in (404, 405), (path, reply.body)
            assert reply.json()["code"] in (5, 12)
        assert apart.door.call(path, token, "PUT", body=b"debug").status in (404, 405)


def test_the_level_is_changed_while_it_runs(apart):
    admin = f"http://{apart.gateway.addresses['admin']}/loglevel"
    quiet, heard = new_trace(), new_trace()
    try:
        assert call(admin, "PUT", body=b"error").json() == {"level": "ERROR"}
        assert apart.door.call("/nothing/here", headers=traced(quiet)).status == 404
    finally:
        assert call(admin, "PUT", body=b"debug").json() == {"level": "DEBUG"}
    assert apart.door.call("/nothing/here", headers=traced(heard)).status == 404
    apart.wait_for(apart.gateway, heard, lambda line: line.get("status") == 404)
    assert apart.lines(apart.gateway, quiet) == []


def lone_gateway(folder, *flags, **how):
    return Program(
        "stratus-gateway",
        folder,
        "--listen=127.0.0.1:0",
        "--admin-listen=127.0.0.1:0",
        "--upstream=127.0.0.1:1",
        f"--descriptors={BUILD / 'share' / 'stratus.pb'}",
        "--auth=off",
        *flags,
        **how,
    )


def count(program, name):
    scraped = call(f"http://{program.addresses['admin']}/metrics").body.decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in scraped.splitlines() if line.startswith(name))


def test_health_checks_make_no_noise_until_they_are_asked_for(tmp_path):
    for flags, lines in (([], 0), (["--access-log-health"], 3)):
        program = lone_gateway(tmp_path / str(lines), *flags)
        for _ in range(3):
            assert call(f"http://{program.addresses['gateway']}/health").status == 200
        assert call(f"http://{program.addresses['gateway']}/nothing/here").status == 404
        assert program.stop() == 0
        assert program.log().count('"path":"/health"') == lines
        assert program.log().count('"path":"/nothing/here"') == 1


def test_sampling_leaves_out_successes_alone(tmp_path):
    program = lone_gateway(tmp_path, "--access-log-sample=1000000")
    for _ in range(5):
        assert call(f"http://{program.addresses['gateway']}/openapi.json").status == 200
        assert call(f"http://{program.addresses['gateway']}/nothing/here").status == 404
    assert count(program, "stratus_access_log_skipped_total") == 5
    assert program.stop() == 0
    assert program.log().count('"status":404') == 5
    assert program.log().count('"status":200') == 0


def test_a_log_that_nobody_reads_costs_lines_and_no_call(tmp_path):
    program = lone_gateway(tmp_path, stdout=subprocess.PIPE)
    host, port = program.addresses["gateway"].rsplit(":", 1)
    client = http.client.HTTPConnection(host, int(port), timeout=CALL_SECONDS_MAX)
    for _ in range(1000):  # more than a pipe holds
        client.request("GET", "/nothing/here")
        assert client.getresponse().read()
    deadline = time.monotonic() + SECONDS_MAX
    while count(program, "stratus_access_log_dropped_total") == 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    client.request("GET", "/nothing/here")
    assert client.getresponse().status == 404
    client.close()
    assert program.stop() == 0, program.log()
    program.process.stdout.close()
