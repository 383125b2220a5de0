#!/usr/bin/env python3
"""The gRPC service behind every gateway of the conformance cases: says what it got. usage: backend.py STUBS_DIR

STUBS_DIR holds the generated Python code of proto/. Prints its port, then serves until it is ended.
"""

import sys
import threading
from concurrent import futures

import grpc
from google.api import httpbody_pb2
from google.protobuf import any_pb2, text_format
from google.rpc import error_details_pb2, status_pb2
from grpc_reflection.v1alpha import reflection

sys.path.insert(0, sys.argv[1])
from stratus.conformance.v1 import (
    cases_pb2,
    cases_pb2_grpc,
    custom_method_pb2,
    custom_method_pb2_grpc,
    response_body_pb2,
    response_body_pb2_grpc,
)  # noqa: E402

BYTES_MAX = 64 << 20
WAIT_SECONDS_MAX = 5


def text_of(message):
    return text_format.MessageToString(message, as_one_line=True)


def code_of(number):
    return next(code for code in grpc.StatusCode if code.value[0] == number)


def seen(method, message):
    text = text_of(message)
    return cases_pb2.Seen(method=method, got=text if len(text) < 2000 else f"{len(text)} characters")


def answers(method):
    """A unary method that says what it got."""
    return lambda self, request, context: seen(method, request)


def sample_of(what):
    sample = cases_pb2.Sample(name=what)
    fill = {
        "integers": lambda: sample.MergeFrom(cases_pb2.Sample(i32=-1, i64=-(2**63), u32=2**32 - 1, u64=2**64 - 1)),
        "nan": lambda: sample.MergeFrom(cases_pb2.Sample(d=float("nan"), f=float("inf"))),
        "doubles": lambda: sample.MergeFrom(cases_pb2.Sample(d=0.1, f=0.1)),
        "bytes": lambda: sample.MergeFrom(cases_pb2.Sample(data=b"\xfb\xff\xfe")),
        "enum": lambda: sample.MergeFrom(cases_pb2.Sample(color=cases_pb2.RED)),
        "open-enum": lambda: setattr(sample, "color", 7),
        "names": lambda: setattr(sample, "display_name", "x"),
        "time": lambda: (sample.time.FromJsonString("2026-01-02T03:04:05.600Z"), sample.wait.FromJsonString("-1.500s")),
        "mask": lambda: sample.mask.paths.extend(["name", "inner.text", "display_name"]),
        "wrappers": lambda: (setattr(sample.maybe, "value", 0), setattr(sample.maybe_text, "value", "")),
        "maps": lambda: (sample.labels.update(a="1"), setattr(sample.by_number[-3], "text", "x")),
        "struct": lambda: sample.object.update({"a": [1, None, {"b": True}]}),
        "any": lambda: sample.any.Pack(cases_pb2.Inner(text="x")),
        "any-time": lambda: sample.any.Pack(sample.time.__class__(seconds=1)),
        "quotes": lambda: setattr(sample, "display_name", 'é"\\\n\u0001😀'),
        "long": lambda: setattr(sample, "display_name", "x" * 5000),
    }
    fill.get(what, lambda: None)()
    return sample


class Cases(cases_pb2_grpc.CasesServicer):
    Single = answers("Single")
    Multi = answers("Multi")
    Item = answers("Item")
    Fixed = answers("Fixed")
    Cancel = answers("Cancel")
    Typed = answers("Typed")
    Query = answers("Query")
    Echo = answers("Echo")
    Field = answers("Field")
    Update = answers("Update")

    def Give(self, request, context):
        return sample_of(request.what)

    def Stream(self, request, context):
        for i in range(request.count):
            yield cases_pb2.Seen(method="Stream", got=str(i))
        if request.code:
            context.abort(code_of(request.code), "asked for")

    def Collect(self, requests, context):
        return cases_pb2.Seen(method="Collect", got=",".join(sample.name for sample in requests))

    def Chat(self, requests, context):
        for sample in requests:
            yield cases_pb2.Seen(method="Chat", got=sample.name)

    def Raw(self, request, context):
        return request

    def Download(self, request, context):
        for i in range(request.count):
            yield httpbody_pb2.HttpBody(content_type="text/csv", data=b"row %d\n" % i)

    def Metadata(self, request, context):
        values = [value for key, value in context.invocation_metadata() if key == request.what]
        return cases_pb2.Seen(method="Metadata", got=",".join(values))

    def Wait(self, request, context):
        over = threading.Event()
        context.add_callback(over.set)
        over.wait(WAIT_SECONDS_MAX)
        return cases_pb2.Seen(method="Wait", got="nobody cancelled")

    def Fail(self, request, context):
        status = status_pb2.Status(code=request.code, message=request.message)
        if request.detail == "info":
            status.details.add().Pack(error_details_pb2.ErrorInfo(reason="BECAUSE", domain="test"))
        if request.detail == "retry":
            retry = error_details_pb2.RetryInfo()
            retry.retry_delay.FromSeconds(7)
            status.details.add().Pack(retry)
        if request.detail == "unknown":
            status.details.append(any_pb2.Any(type_url="type.example.com/no.such.Type", value=b"\x08\x01"))
        context.set_trailing_metadata([("grpc-status-details-bin", status.SerializeToString())])
        context.abort(code_of(request.code), request.message)


class CustomMethods(custom_method_pb2_grpc.CustomMethodsServicer):
    Purge = answers("Purge")
    AnyMethod = answers("AnyMethod")


class ResponseBodies(response_body_pb2_grpc.ResponseBodiesServicer):
    def Text(self, request, context):
        return request

    def Message(self, request, context):
        return request


def main():
    options = [("grpc.max_receive_message_length", BYTES_MAX), ("grpc.max_send_message_length", BYTES_MAX)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), options=options)
    cases_pb2_grpc.add_CasesServicer_to_server(Cases(), server)
    custom_method_pb2_grpc.add_CustomMethodsServicer_to_server(CustomMethods(), server)
    response_body_pb2_grpc.add_ResponseBodiesServicer_to_server(ResponseBodies(), server)
    files = (cases_pb2.DESCRIPTOR, custom_method_pb2.DESCRIPTOR, response_body_pb2.DESCRIPTOR)
    names = [service.full_name for file in files for service in file.services_by_name.values()]
    reflection.enable_server_reflection([*names, reflection.SERVICE_NAME], server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
