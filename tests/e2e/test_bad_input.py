"""Every wrong request gets its own status, code and message, and names the field; the same over REST and gRPC."""

import importlib
import json

import grpc
import pytest
from programs import CALL_SECONDS_MAX, grpcurl


def violations(status):
    for detail in status.get("details", []):
        if detail["@type"].endswith("google.rpc.BadRequest"):
            return {v["field"]: v["description"] for v in detail["fieldViolations"]}
    return {}


def test_health_needs_no_token(gateway):
    reply = gateway.call("/health")
    assert (reply.status, reply.json()) == (200, {"status": "ok"})


def test_an_unknown_route_is_404(gateway, token):
    reply = gateway.call("/v1/nothing-here", token)
    assert (reply.status, reply.json()["code"]) == (404, 5)


def test_a_wrong_method_is_405_with_allow(gateway, token):
    reply = gateway.call("/v1/weather:today", token, method="DELETE")
    assert reply.status == 405
    assert "GET" in reply.headers["allow"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("lat=91&lon=0", "lat"),
        ("location.latitude=91&location.longitude=0", "location.latitude"),
        ("lat=10", "lon"),
        ("units=furlongs", "units"),
        ("lat=abc&lon=0", "lat"),
        ("lat=1e400&lon=0", "lat"),
        ("sections=SECTION_NONSENSE", "sections"),
        ("nonsense=1", "nonsense"),
        ("q=a&q=b", "q"),
        ("time_zone=Mars/Olympus", "time_zone"),
    ],
)
def test_a_bad_parameter_is_400_and_named(gateway, token, query, field):
    reply = gateway.call(f"/v1/weather:today?{query}", token)
    assert reply.status == 400, reply.body
    status = reply.json()
    assert status["code"] == 3
    assert field in violations(status), status


def test_a_place_that_does_not_exist_is_404(gateway, token):
    reply = gateway.call("/v1/weather:today?q=Qqqqxyz", token)
    assert reply.status == 404, reply.body
    assert reply.json()["code"] == 5


def test_an_ambiguous_place_gives_candidates(gateway, token):
    reply = gateway.call("/v1/weather:today?q=Springfield", token)
    assert reply.status == 400, reply.body
    assert reply.json()["code"] == 9
    assert "Illinois" in json.dumps(reply.json())


def test_grpc_says_the_same_as_rest(gateway, token, stubs):
    messages = importlib.import_module("stratus.weather.v1.weather_pb2")
    services = importlib.import_module("stratus.weather.v1.weather_pb2_grpc")
    rest = gateway.call("/v1/weather:today?lat=91&lon=0", token).json()
    for address in (gateway.address, gateway.weather):
        with grpc.insecure_channel(address) as channel:
            stub = services.WeatherServiceStub(channel)
            with pytest.raises(grpc.RpcError) as refused:
                stub.GetTodayWeather(
                    messages.GetTodayWeatherRequest(lat=91, lon=0),
                    metadata=[("authorization", f"Bearer {token}")],
                    timeout=CALL_SECONDS_MAX,
                )
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert refused.value.details() == rest["message"]
        assert any(key == "grpc-status-details-bin" for key, _ in refused.value.trailing_metadata())


def test_two_authorization_headers_are_400(gateway, token):
    import http.client

    connection = http.client.HTTPConnection(gateway.address, timeout=CALL_SECONDS_MAX)
    connection.putrequest("GET", "/v1/weather:today")
    connection.putheader("Authorization", f"Bearer {token}")
    connection.putheader("Authorization", f"Bearer {token}")
    connection.endheaders()
    reply = connection.getresponse()
    assert reply.status == 400
    assert 'error="invalid_request"' in reply.headers["www-authenticate"]


def test_an_expired_token_is_refused(gateway):
    stale = gateway.token(ttl_seconds=-3600)
    assert gateway.call("/v1/weather:today", stale).status == 401


def test_an_unknown_grpc_method_is_unimplemented_or_denied_never_served(gateway, token):
    called = grpcurl(gateway.address, "stratus.weather.v1.WeatherService/Nope", token=token)
    assert called.returncode != 0
