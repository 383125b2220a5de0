"""Today's weather through the door: REST, gRPC and grpcurl, with and without the right token."""

import http.client
import importlib
import json
import re
import subprocess

import grpc
import pytest
from programs import CALL_SECONDS_MAX, Reply, call, grpcurl, open_stream

PATHS = ["/v1/weather:today", "/api/v1/get-today-weather"]
METHOD = "stratus.weather.v1.WeatherService/GetTodayWeather"


@pytest.mark.parametrize("path", PATHS)
def test_rest_answers_with_weather_and_its_source(gateway, token, path):
    reply = gateway.call(path, token)
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"] == "application/json"
    weather = reply.json()
    assert weather["source"] == "sandbox"
    assert weather["provenance"]["attribution"]
    assert isinstance(weather["current"]["temperature"], float | int)
    assert len(weather["hours"]) in (23, 24, 25)
    # The default place is Hanoi.
    assert weather["place"]["latitude"] == pytest.approx(21.0278, abs=0.05)


@pytest.mark.parametrize("path", PATHS)
def test_no_token_is_401_with_a_challenge(gateway, path):
    reply = gateway.call(path)
    assert reply.status == 401
    assert reply.headers["www-authenticate"].startswith("Bearer")
    assert "error=" not in reply.headers["www-authenticate"]
    assert reply.json()["code"] == 16


def test_a_forged_token_is_401_invalid_token(gateway, token):
    head, body, signature = token.split(".")
    forged = f"{head}.{body}.{signature[:-8]}AAAAAAAA"
    reply = gateway.call(PATHS[0], forged)
    assert reply.status == 401
    assert 'error="invalid_token"' in reply.headers["www-authenticate"]
    assert forged not in gateway.program.log()


def test_a_token_without_the_scope_is_403_and_says_which_it_needs(gateway):
    reply = gateway.call(PATHS[0], gateway.token(scope="stratus/modules.read"))
    assert reply.status == 403
    assert 'error="insufficient_scope"' in reply.headers["www-authenticate"]
    assert "stratus/weather.read" in reply.headers["www-authenticate"]
    assert reply.json()["code"] == 7


def test_the_older_scope_is_as_good(gateway):
    assert gateway.call(PATHS[1], gateway.token(scope="test/weatherforcastapi")).status == 200


def test_a_scope_is_not_matched_by_its_beginning(gateway):
    assert gateway.call(PATHS[0], gateway.token(scope="stratus/weather.readwrite stratus/weather")).status == 403


def test_curl_as_the_readme_has_it(gateway, token):
    done = subprocess.run(
        ["curl", "-sS", "-i", "-H", f"Authorization: Bearer {token}", gateway.url + PATHS[1]],
        capture_output=True,
        text=True,
        timeout=CALL_SECONDS_MAX,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("HTTP/1.1 200 OK")
    assert '"source":"sandbox"' in done.stdout.replace(" ", "")


def test_grpcurl_at_the_door_and_at_the_service(gateway, token):
    for address in (gateway.address, gateway.weather):
        called = grpcurl(address, METHOD, token=token)
        assert called.returncode == 0, called.stderr
        assert json.loads(called.stdout)["source"] == "sandbox"
        listed = grpcurl(address, "list")
        assert "stratus.weather.v1.WeatherService" in listed.stdout, listed.stderr
        assert "grpc.health.v1.Health" in listed.stdout
        described = grpcurl(address, "describe", "stratus.weather.v1.WeatherService")
        assert "GetTodayWeather" in described.stdout, described.stderr
        refused = grpcurl(address, METHOD)
        assert refused.returncode != 0
        assert "Unauthenticated" in refused.stderr


def test_the_door_describes_what_is_behind_it(gateway):
    listed = grpcurl(gateway.address, "list")
    assert listed.stdout.split() == [
        "google.longrunning.Operations",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "stratus.provisioning.v1.AuditService",
        "stratus.provisioning.v1.CredentialService",
        "stratus.provisioning.v1.ModuleService",
        "stratus.provisioning.v1.ProvisioningService",
        "stratus.weather.v1.WeatherService",
    ], listed.stderr
    for symbol in [*listed.stdout.split(), "stratus.provisioning.v1.Stack", "google.rpc.BadRequest"]:
        described = grpcurl(gateway.address, "describe", symbol)
        assert f"{symbol} is a" in described.stdout, described.stderr
    assert json.loads(grpcurl(gateway.address, "grpc.health.v1.Health/Check").stdout)["status"] == "SERVING"


@pytest.mark.parametrize("where", ["address", "weather"])
def test_a_generated_python_client(gateway, token, stubs, where):
    messages = importlib.import_module("stratus.weather.v1.weather_pb2")
    services = importlib.import_module("stratus.weather.v1.weather_pb2_grpc")
    with grpc.insecure_channel(getattr(gateway, where)) as channel:
        stub = services.WeatherServiceStub(channel)
        metadata = [("authorization", f"Bearer {token}")]
        weather = stub.GetTodayWeather(messages.GetTodayWeatherRequest(q="Kolkata"), metadata=metadata, timeout=CALL_SECONDS_MAX)
        assert weather.time_zone == "Asia/Kolkata"
        assert weather.current.HasField("temperature")
        with pytest.raises(grpc.RpcError) as refused:
            stub.GetTodayWeather(messages.GetTodayWeatherRequest(), timeout=CALL_SECONDS_MAX)
        assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
        watch = stub.WatchWeather(messages.WatchWeatherRequest(), metadata=metadata, timeout=CALL_SECONDS_MAX)
        assert next(iter(watch)).source == "sandbox"
        watch.cancel()


def test_units_convert(gateway, token):
    metric = gateway.call("/v1/weather:today?lat=21.03&lon=105.83", token).json()
    imperial = gateway.call("/v1/weather:today?lat=21.03&lon=105.83&units=imperial", token).json()
    assert imperial["units"]["temperature"] == "TEMPERATURE_UNIT_FAHRENHEIT"
    celsius = metric["current"]["temperature"]
    assert imperial["current"]["temperature"] == pytest.approx(celsius * 9 / 5 + 32, abs=0.11)


def test_the_sources_own_json(gateway, token):
    reply = gateway.call("/v1/weather:openweather", token)
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"].startswith("application/json")
    assert isinstance(reply.json(), dict)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/x-ndjson", "application/x-ndjson"),
        ("text/event-stream", "text/event-stream"),
        ("application/json", "application/json"),
    ],
)
def test_a_stream_takes_the_form_that_accept_asks_for(gateway, token, accept, content_type):
    begin = {"application/x-ndjson": b"{", "text/event-stream": b"data: {", "application/json": b"[{"}[accept]
    with open_stream(gateway.url + "/v1/weather:watch", {"Authorization": f"Bearer {token}", "Accept": accept}) as watch:
        assert watch.status == 200
        assert watch.headers["content-type"].startswith(content_type)
        assert watch.read(len(begin)) == begin


class OneConnection:
    """Each worker of the door keeps its own replies: a connection stays with one."""

    def __init__(self, gateway):
        self.connection = http.client.HTTPConnection(gateway.address, timeout=CALL_SECONDS_MAX)

    def get(self, path, token=None, **headers):
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self.connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        reply = self.connection.getresponse()
        return Reply(reply.status, {k.lower(): v for k, v in reply.headers.items()}, reply.read())


def test_the_door_keeps_the_weather_for_all_who_may_ask(gateway):
    ann, ben = (gateway.token(client_id=name) for name in ("dev", "ben"))
    path = "/v1/weather:today?lat=-12.5&lon=131.25"  # asked for by no other test
    door = OneConnection(gateway)
    first = door.get(path, ann)
    assert first.status == 200, first.body
    assert "age" not in first.headers
    assert first.headers["cache-control"].startswith("max-age=")
    second = door.get(path, ann)
    assert second.body == first.body
    assert int(second.headers["age"]) >= 0
    other = door.get(path, ben)
    assert (other.status, other.body) == (200, first.body)
    assert "age" in other.headers
    assert door.get(path).status == 401
    assert door.get(path, gateway.token(scope="stratus/modules.read")).status == 403
    unchanged = door.get(path, ann, If_None_Match=first.headers["etag"])
    assert (unchanged.status, unchanged.body) == (304, b"")


def test_a_client_may_refuse_what_is_kept_or_want_nothing_else(gateway, token):
    path = "/v1/weather:today?lat=-12.5&lon=131.5"
    door = OneConnection(gateway)
    assert door.get(path, token, Cache_Control="only-if-cached").status == 504
    assert door.get(path, token).status == 200
    assert door.get(path, token, Cache_Control="only-if-cached").status == 200
    assert "age" not in door.get(path, token, Cache_Control="no-cache").headers
    metrics = call(f"http://{gateway.program.addresses['admin']}/metrics").body.decode()
    assert re.search(r'^stratus_gateway_cache_calls_total\{outcome="revalidated"\} [1-9]', metrics, re.M)
