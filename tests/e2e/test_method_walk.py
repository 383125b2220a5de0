"""Every method of every service: closed without a token, open with a good one, at the door and at the service."""

import re

import grpc
import pytest
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from programs import BUILD, CALL_SECONDS_MAX

# What anyone may call: a new entry here is a decision.
PUBLIC = set()
# Part of a contract that is not ours, and not offered: runs are kept, so operations are not deleted.
NOT_OFFERED = {"google.longrunning.Operations/DeleteOperation"}


def methods():
    """(full name, client streams, server streams, [(HTTP method, path)], is public) of the platform's descriptor set."""
    files = descriptor_pb2.FileDescriptorSet.FromString((BUILD / "share" / "stratus.pb").read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    option = pool.FindExtensionByName("stratus.auth.v1.authorization")
    options_class = message_factory.GetMessageClass(pool.FindMessageTypeByName("google.protobuf.MethodOptions"))
    for file in files.file:
        for service in file.service:
            for method in service.method:
                raw = method.options.SerializeToString()
                rule = descriptor_pb2.MethodOptions.FromString(raw).Extensions[annotations_pb2.http]
                options = options_class.FromString(raw)
                public = any(f.full_name == option.full_name and v.public for f, v in options.ListFields())
                bindings = [
                    (binding.WhichOneof("pattern").upper(), getattr(binding, binding.WhichOneof("pattern")))
                    for binding in [rule, *rule.additional_bindings]
                    if binding.WhichOneof("pattern")
                ]
                name = f"{file.package}.{service.name}/{method.name}"
                yield name, method.client_streaming, method.server_streaming, bindings, public


def grpc_code(address, name, server_streams, token):
    """The code that an empty request gets; OK when the first message of a stream came."""
    metadata = [("authorization", f"Bearer {token}")] if token else []
    with grpc.insecure_channel(address) as channel:
        try:
            if server_streams:
                stream = channel.unary_stream(f"/{name}")(b"", metadata=metadata, timeout=CALL_SECONDS_MAX)
                next(stream)
                stream.cancel()
            else:
                channel.unary_unary(f"/{name}")(b"", metadata=metadata, timeout=CALL_SECONDS_MAX)
        except grpc.RpcError as error:
            return error.code()
    return grpc.StatusCode.OK


ALL = list(methods())


def test_the_set_has_methods_and_the_public_ones_are_the_known_ones():
    assert len(ALL) >= 5
    print("public:", sorted(PUBLIC))
    assert {name for name, *_, public in ALL if public} == PUBLIC


@pytest.mark.parametrize(("name", "server_streams"), [(m[0], m[2]) for m in ALL if not m[4]])
@pytest.mark.parametrize("where", ["door", "service"])
def test_grpc_is_closed_without_a_token_and_open_with_one(gateway, name, server_streams, where):
    service = gateway.weather if name.startswith("stratus.weather.") else gateway.provisioning
    address = gateway.address if where == "door" else service
    assert grpc_code(address, name, server_streams, None) == grpc.StatusCode.UNAUTHENTICATED
    assert grpc_code(address, name, server_streams, "not.a.token") == grpc.StatusCode.UNAUTHENTICATED
    assert grpc_code(address, name, server_streams, gateway.token(scope="stratus/nothing")) == grpc.StatusCode.PERMISSION_DENIED
    # With a good token the handler is entered: what it says of an empty request is its own business.
    code = grpc_code(address, name, server_streams, gateway.token())
    assert code not in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)
    assert (code == grpc.StatusCode.UNIMPLEMENTED) == (name in NOT_OFFERED)


@pytest.mark.parametrize(("method", "path"), [b for m in ALL if not m[4] for b in m[3]])
def test_rest_is_closed_without_a_token(gateway, method, path):
    # {name=stacks/*} is stacks/x, {module} is x
    url = re.sub(r"\{[^=}]*(?:=([^}]*))?\}", lambda match: re.sub(r"\*+", "x", match[1] or "x"), path)
    body = b"{}" if method in ("POST", "PUT", "PATCH") else None
    headers = {"content-type": "application/json"} if body else {}
    assert gateway.call(url, method=method, headers=headers, body=body).status == 401
    assert gateway.call(url, "not.a.token", method=method, headers=headers, body=body).status == 401
    assert gateway.call(url, gateway.token(scope="stratus/nothing"), method=method, headers=headers, body=body).status == 403
