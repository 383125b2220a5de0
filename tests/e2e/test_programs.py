"""The programs apart, as production runs them: gateway and weather service as processes of their own."""

import base64
import json
import os
import subprocess
import threading
import time
import urllib.request

import pytest
from programs import BUILD, CALL_SECONDS_MAX, Gateway, Program, call, grpcurl

API_KEY = "sandbox"  # the one that the sandbox takes


@pytest.fixture(scope="module")
def apart(tmp_path_factory):
    folder = tmp_path_factory.mktemp("apart")
    sandbox = Program("stratus-sandbox", folder / "s", "--listen=127.0.0.1:0", "--profile=development")
    address = sandbox.addresses["sandbox"]
    first = Gateway("", "", address, sandbox)
    issuer = json.loads(base64.urlsafe_b64decode(first.token().split(".")[1] + "=="))["iss"]
    env = {
        "COGNITO_ISSUER": issuer,
        "COGNITO_APP_CLIENT_ID": "dev,other",
        "OPEN_WEATHER_DOMAIN": f"http://{address}/data",
        "OPEN_WEATHER_API_VERSION": "2.5",
        "OPEN_WEATHER_API_KEY": API_KEY,
    }
    listen = ["--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"]
    weather = Program("stratus-weather", folder / "w", *listen, env=env)
    gateway = Program(
        "stratus-gateway",
        folder / "g",
        *listen,
        f"--upstream={weather.addresses['weather']}",
        f"--descriptors={BUILD / 'share' / 'stratus.pb'}",
        env=env,
    )
    yield Gateway(gateway.addresses["gateway"], weather.addresses["weather"], address, gateway, [weather, sandbox])
    for program in (gateway, weather, sandbox):
        assert program.stop() == 0, program.log()


def test_openweather_is_the_source_when_it_has_a_key(apart):
    weather = apart.call("/v1/weather:today", apart.token()).json()
    assert weather["source"] == "openweather"
    assert "appid" not in json.dumps(weather)


def test_the_sources_own_json_is_unchanged(apart):
    ours = apart.call("/v1/weather:openweather?lat=51.5&lon=-0.12", apart.token())
    assert ours.status == 200, ours.body
    theirs = call(f"http://{apart.sandbox}/data/2.5/weather?lat=51.5&lon=-0.12&appid={API_KEY}")
    assert ours.json()["coord"] == theirs.json()["coord"]
    assert set(ours.json()) == set(theirs.json())


def test_a_client_that_is_not_listed_is_refused(apart):
    assert apart.call("/v1/weather:today", apart.token(client_id="stranger")).status == 401
    assert apart.call("/v1/weather:today", apart.token(client_id="other")).status == 200


def test_a_broken_source_is_an_error_that_says_so_and_never_shows_the_key(apart):
    apart.fault(target="openweather", kind="html", count=50)
    try:
        reply = apart.call("/v1/weather:today?lat=-33.9&lon=18.4", apart.token())
        assert reply.status in (502, 503), reply.body
        assert reply.json()["code"] == 14
        assert "appid" not in reply.body.decode()
    finally:
        apart.clear_faults()
    for program in [apart.program, *apart.others[:1]]:
        assert "appid" not in program.log()


def test_a_named_issuer_in_development_leaves_weather_its_stand_in(tmp_path, apart):
    env = {
        "COGNITO_ISSUER": json.loads(base64.urlsafe_b64decode(apart.token().split(".")[1] + "=="))["iss"],
        "COGNITO_APP_CLIENT_ID": "dev",
        "OPEN_METEO_DOMAIN": "http://127.0.0.1:1",
        "OPEN_METEO_GEOCODING_DOMAIN": "http://127.0.0.1:1",
    }
    program = Program(
        "stratusd",
        tmp_path,
        "--profile=development",
        "--listen=127.0.0.1:0",
        "--admin-listen=127.0.0.1:0",
        "--sandbox-listen=127.0.0.1:0",
        f"--data-dir={tmp_path / 'data'}",
        f"--descriptors={BUILD / 'share' / 'stratus.pb'}",
        env=env,
    )
    try:
        door = Gateway(program.addresses["gateway"], "", program.addresses["sandbox"], program)
        reply = door.call("/v1/weather:today?q=HANOI", apart.token())
        assert reply.status == 200, reply.body
        assert (reply.json()["source"], reply.json()["place"]["name"]) == ("sandbox", "Hanoi")
        # Its own sandbox gives no tokens: the issuer is another one.
        assert "issuer" not in program.addresses
        assert call(f"http://{door.sandbox}/admin/token", "POST", {"content-type": "application/json"}, b"{}").status == 404
    finally:
        assert program.stop() == 0, program.log()


def test_tokens_survive_a_key_rotation(apart):
    before = apart.token()
    assert apart.call("/v1/weather:today", before).status == 200
    rotated = call(f"http://{apart.sandbox}/admin/rotate", "POST", {"content-type": "application/json"}, b"{}")
    assert rotated.status == 200, rotated.body
    # Signed by a key that neither program has seen: fetched while the call waits.
    assert apart.call("/v1/weather:today", apart.token()).status == 200
    assert apart.call("/v1/weather:today", before).status == 200


def test_readiness_and_metrics_are_on_the_admin_port_alone(apart):
    admin = apart.program.addresses["admin"]
    assert call(f"http://{admin}/livez").status == 200
    assert call(f"http://{admin}/readyz").status == 200
    assert b"stratus_" in call(f"http://{admin}/metrics").body
    assert apart.call("/metrics").status in (404, 405)  # 405: no module can have that name, but the template matches


def test_a_gateway_without_its_service_says_unavailable(tmp_path, apart):
    gateway = Program(
        "stratus-gateway",
        tmp_path,
        "--listen=127.0.0.1:0",
        "--admin-listen=127.0.0.1:0",
        "--upstream=127.0.0.1:1",
        f"--descriptors={BUILD / 'share' / 'stratus.pb'}",
        "--auth=off",
    )
    try:
        reply = call(f"http://{gateway.addresses['gateway']}/v1/weather:today")
        assert (reply.status, reply.json()["code"]) == (503, 14)
    finally:
        assert gateway.stop() == 0


def run(name, *arguments, env=None):
    return subprocess.run(
        [BUILD / "bin" / name, *arguments], env={"PATH": os.environ["PATH"], **(env or {})}, capture_output=True, text=True, timeout=240
    )


def test_the_sandbox_refuses_production():
    done = run("stratus-sandbox", "--listen=127.0.0.1:0", "--profile=production")
    assert done.returncode != 0
    assert "production" in done.stderr


def test_production_without_a_pool_does_not_start():
    done = run("stratusd", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", f"--descriptors={BUILD / 'share' / 'stratus.pb'}")
    assert done.returncode != 0
    assert "COGNITO_USER_POOL_ID" in done.stderr


def test_a_wrong_configuration_is_refused_with_its_line(tmp_path):
    config = tmp_path / "gateway.yaml"
    config.write_text("limits:\n  request_body_bytes_maxx: 5\n")
    done = run(
        "stratus-gateway",
        "--listen=127.0.0.1:0",
        "--auth=off",
        "--upstream=127.0.0.1:1",
        f"--descriptors={BUILD / 'share' / 'stratus.pb'}",
        f"--config={config}",
    )
    assert done.returncode != 0
    assert "gateway.yaml:2" in done.stderr
    assert "request_body_bytes_maxx" in done.stderr


def test_sigterm_lets_a_call_under_way_finish(tmp_path, apart):
    """A slow answer of the source is under way when the service and the door are told to stop."""
    env = {
        "OPEN_WEATHER_DOMAIN": f"http://{apart.sandbox}/data",
        "OPEN_WEATHER_API_VERSION": "2.5",
        "OPEN_WEATHER_API_KEY": API_KEY,
        "COGNITO_ISSUER": json.loads(base64.urlsafe_b64decode(apart.token().split(".")[1] + "=="))["iss"],
        "COGNITO_APP_CLIENT_ID": "dev",
    }
    keys = tmp_path / "keys"
    keys.touch(0o600)
    keys.write_text(f"1:{base64.b64encode(os.urandom(32)).decode()}\n")
    env["STRATUS_PROVISIONING_KEY_FILE"] = str(keys)
    program = Program(
        "stratusd",
        tmp_path,
        "--listen=127.0.0.1:0",
        "--admin-listen=127.0.0.1:0",
        f"--data-dir={tmp_path / 'data'}",
        f"--descriptors={BUILD / 'share' / 'stratus.pb'}",
        env=env,
    )
    url = f"http://{program.addresses['gateway']}/v1/weather:today?lat=-45.0&lon=170.0"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {apart.token()}"})
    with urllib.request.urlopen(request, timeout=CALL_SECONDS_MAX):
        pass  # the source has been chosen and the keys are there
    before = apart.calls("openweather")
    apart.fault(target="openweather", kind="slow", delay_ms=1500, count=4)
    statuses = []

    def slow_call():
        slow = urllib.request.Request(url.replace("-45.0", "-46.0"), headers=request.headers)
        with urllib.request.urlopen(slow, timeout=CALL_SECONDS_MAX) as reply:
            statuses.append(reply.status)

    caller = threading.Thread(target=slow_call)
    caller.start()
    # The call is under way once the sandbox has been asked.
    deadline = time.monotonic() + CALL_SECONDS_MAX
    while apart.calls("openweather") == before:
        assert time.monotonic() < deadline, program.log()
        time.sleep(0.01)
    assert program.stop() == 0, program.log()
    caller.join(CALL_SECONDS_MAX)
    apart.clear_faults()
    assert statuses == [200]


def test_grpcurl_reaches_health_without_a_token(apart):
    for address in (apart.address, apart.weather):
        done = grpcurl(address, "grpc.health.v1.Health/Check")
        assert done.returncode == 0, done.stderr
        assert "SERVING" in done.stdout
