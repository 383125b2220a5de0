"""The Connect project's own Python client at the door, with what it does by default: gzip, GET where it may, streams."""

import importlib

import pytest
from connectrpc.client import ConnectClientSync
from connectrpc.code import Code
from connectrpc.compat import google_protobuf_binary_codec, google_protobuf_json_codec
from connectrpc.errors import ConnectError
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType

SERVICE = "stratus.weather.v1.WeatherService"


def method(name, messages, reply, kind=StreamType.UNARY):
    return MethodInfo(
        name=name,
        service_name=SERVICE,
        input=getattr(messages, f"{name}Request"),
        output=getattr(messages, reply),
        idempotency_level=IdempotencyLevel.NO_SIDE_EFFECTS,
        stream_type=kind,
    )


@pytest.fixture(params=[google_protobuf_json_codec, google_protobuf_binary_codec], ids=["json", "proto"])
def client(gateway, request):
    with ConnectClientSync(f"http://{gateway.address}", codec=request.param()) as made:
        yield made


@pytest.fixture
def messages(stubs):
    return importlib.import_module("stratus.weather.v1.weather_pb2")


@pytest.mark.parametrize("use_get", [False, True], ids=["post", "get"])
def test_a_unary_call(client, token, messages, use_get):
    weather = client.execute_unary(
        request=messages.GetTodayWeatherRequest(q="Kolkata"),
        method=method("GetTodayWeather", messages, "TodayWeather"),
        headers={"authorization": f"Bearer {token}"},
        use_get=use_get,
    )
    assert weather.time_zone == "Asia/Kolkata"
    assert weather.current.HasField("temperature")


def test_errors_arrive_as_what_they_are(client, token, messages):
    get = method("GetTodayWeather", messages, "TodayWeather")
    with pytest.raises(ConnectError) as refused:
        client.execute_unary(request=messages.GetTodayWeatherRequest(), method=get)
    assert refused.value.code == Code.UNAUTHENTICATED
    with pytest.raises(ConnectError) as wrong:
        client.execute_unary(
            request=messages.GetTodayWeatherRequest(lat=123, lon=0),
            method=get,
            headers={"authorization": f"Bearer {token}"},
        )
    assert wrong.value.code == Code.INVALID_ARGUMENT
    assert "lat" in wrong.value.message
    assert [detail.type_name for detail in wrong.value.details] == ["google.rpc.BadRequest"]


def test_a_stream(client, token, messages):
    watch = method("WatchWeather", messages, "TodayWeather", StreamType.SERVER_STREAM)
    stream = client.execute_server_stream(
        request=messages.WatchWeatherRequest(), method=watch, headers={"authorization": f"Bearer {token}"}
    )
    assert next(iter(stream)).source == "sandbox"
    stream.close()
    with pytest.raises(ConnectError) as refused:
        list(client.execute_server_stream(request=messages.WatchWeatherRequest(), method=watch))
    assert refused.value.code == Code.UNAUTHENTICATED
