"""Cases of streams, raw bodies, errors, limits, caching, and of the protocols beside REST."""

import base64
import gzip
import json

from case import (
    AIP193,
    CODE_PROTO,
    CONNECT,
    GRPC,
    OURS,
    RFC9110,
    Case,
    Expect,
    Group,
    Grpc,
    H2c,
    Http,
    Started,
    get,
    gets,
    post,
    refused,
)

SERVICE = "/stratus.conformance.v1.Cases"
LIST_SERVICES = b"\x3a\x01*"


def seen(got):
    return {"method": "Stream", "got": got}


def frame(message, flags=0):
    return bytes([flags]) + len(message).to_bytes(4, "big") + message


STREAMS = Group(
    "Streams",
    (
        Case("to a client that says nothing", get("/v1/stream?count=2"), "a JSON array", OURS, Expect(json=[seen("0"), seen("1")])),
        Case(
            "as NDJSON",
            get("/v1/stream?count=2", accept="application/x-ndjson"),
            "a message a line",
            OURS,
            Expect(text="".join(json.dumps(seen(i), separators=(",", ":")) + "\n" for i in "01"), headers={"content-type": "ndjson"}),
        ),
        Case(
            "as events",
            get("/v1/stream?count=1", accept="text/event-stream"),
            "`data:` and a blank line",
            OURS,
            Expect(has=r'^data: ?\{.*"got": ?"0".*\}\r?\n\r?\n', headers={"content-type": "text/event-stream"}),
        ),
        Case("an empty one", get("/v1/stream"), "`[]`", OURS, Expect(json=[])),
        Case("HEAD of one", Http("HEAD", "/v1/stream?count=1"), "as GET, without the body", RFC9110, Expect(text="")),
        Case(
            "an error before the first message", get("/v1/stream?code=5"), "its own status", CODE_PROTO, Expect((404,), has=r'"code":\s*5')
        ),
        Case(
            "an error in mid-stream",
            get("/v1/stream?count=2&code=10"),
            "no one can take it for success: it is told, and the response is cut",
            OURS,
            Expect(complete=False, has=r'"code":\s*10'),
        ),
        Case(
            "from a client, an array",
            post("/v1/collect", '[{"name":"a"},{"name":"b"}]'),
            "a message an element",
            OURS,
            gets("a,b"),
        ),
        Case(
            "from a client, NDJSON",
            post("/v1/collect", '{"name":"a"}\n{"name":"b"}\n', "application/x-ndjson"),
            "a message a line",
            OURS,
            gets("a,b"),
        ),
        Case(
            "both ways",
            post("/v1/chat", '{"name":"a"}\n{"name":"b"}\n', "application/x-ndjson", accept="application/x-ndjson"),
            "each form as before",
            OURS,
            Expect(text="".join(json.dumps({"method": "Chat", "got": n}, separators=(",", ":")) + "\n" for n in "ab")),
        ),
    ),
)

BODIES = Group(
    "`google.api.HttpBody`",
    (
        Case(
            "both ways",
            post("/v1/raw", b"\x00\xff raw", "image/png"),
            "the bytes and their type",
            "httpbody.proto",
            Expect(text=b"\x00\xff raw".decode(errors="replace"), headers={"content-type": "^image/png"}),
        ),
        Case(
            "streamed",
            get("/v1/download?count=2"),
            "the bytes one behind another",
            "httpbody.proto",
            Expect(text="row 0\nrow 1\n", headers={"content-type": "^text/csv"}),
        ),
    ),
)

ERRORS = Group(
    "Errors of the service",
    (
        Case(
            "the status",
            get("/v1/fail?code=9&message=no"),
            "by the table: 9 is 400",
            CODE_PROTO,
            Expect((400,), fields={"code": 9, "message": "no"}),
        ),
        Case("its text", get("/v1/fail?code=5&message=H%C3%A0"), "UTF-8", GRPC, Expect((404,), fields={"message": "Hà"})),
        Case(
            "a text that ends with a space",
            get("/v1/fail?code=9&message=failed:%20"),
            "grpc-message leaves it as it is",
            GRPC,
            Expect((400,), fields={"code": 9, "message": "failed: "}),
        ),
        Case(
            "a detail",
            get("/v1/fail?code=3&detail=info"),
            "in `details`",
            AIP193,
            Expect((400,), has=r'"@type":\s*"type.googleapis.com/google.rpc.ErrorInfo",\s*"reason":\s*"BECAUSE"'),
        ),
        Case(
            "a detail of an unknown type",
            get("/v1/fail?code=3&message=no&detail=unknown"),
            "the rest is not lost for it",
            OURS,
            Expect((400,), fields={"code": 3, "message": "no"}, has="no.such.Type"),
        ),
    ),
)

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADERS = Group(
    "Headers",
    (
        Case("a token", get("/v1/metadata/authorization", authorization="Bearer x"), "goes on to the service", OURS, gets("Bearer x")),
        Case(
            "what `Connection` names",
            get("/v1/metadata/authorization", connection="authorization", authorization="Bearer x"),
            "ends here",
            RFC9110,
            gets(""),
        ),
        Case(
            "a trace",
            get("/v1/metadata/traceparent", traceparent=f"00-{TRACE}-00f067aa0ba902b7-01"),
            "goes on under its id",
            "W3C Trace Context",
            Expect(has=TRACE),
        ),
        Case("a deadline", get("/v1/wait", grpc_timeout="50m"), "is kept, and is 504", OURS, Expect((504,), words_vary=True)),
        Case(
            "when to try again",
            get("/v1/fail?code=14&message=busy&detail=retry"),
            "RetryInfo becomes `Retry-After`",
            OURS,
            Expect((503,), headers={"retry-after": "^7$"}),
        ),
    ),
)

BIG = '{"displayName":"%s"}'
LIMITS = Group(
    "Sizes, compression, caching",
    (
        Case("a body of 15 MiB", post("/v1/echo", BIG % ("x" * (15 << 20))), "taken", OURS, Expect(has="characters")),
        Case("a body of 17 MiB", post("/v1/echo", BIG % ("x" * (17 << 20))), "413: the limit is 16 MiB", OURS, refused(413)),
        Case(
            "gzip for who takes it",
            get("/v1/give/long", accept_encoding="gzip"),
            "with `Vary`",
            OURS,
            Expect(fields={"displayName": "x" * 5000}, headers={"content-encoding": "gzip", "vary": "(?i)accept-encoding"}),
        ),
        Case(
            "zstd for who takes it",
            get("/v1/give/long", accept_encoding="zstd"),
            "with `Vary`",
            OURS,
            Expect(headers={"content-encoding": "zstd", "vary": "(?i)accept-encoding"}),
        ),
        Case(
            "br for who takes it",
            get("/v1/give/long", accept_encoding="br"),
            "with `Vary`",
            OURS,
            Expect(headers={"content-encoding": "br", "vary": "(?i)accept-encoding"}),
        ),
        Case(
            "gzip from a client",
            Http(
                "POST",
                "/v1/echo",
                {"content-type": "application/json", "content-encoding": "gzip"},
                gzip.compress(b'{"name":"x"}', mtime=0),
            ),
            "decoded",
            OURS,
            Expect(has="x"),
        ),
        Case("ETag", get("/v1/single/x"), "on a GET", OURS, Expect(headers={"etag": '"'})),
        Case("If-None-Match", get("/v1/single/x", if_none_match="*"), "304", RFC9110, Expect((304,), text="")),
    ),
)

PROTOCOLS = Group(
    "Protocols on the same port",
    (
        Case("HTTP/2 without TLS", H2c("/v1/single/x"), "prior knowledge", OURS, gets('name: "x"')),
        Case(
            "gRPC, unary",
            Grpc(f"{SERVICE}/Query", (b"\x0a\x01x",)),
            "passed on",
            OURS,
            Expect(grpc_code=0, messages=(b'\x0a\x05Query\x12\x09name: "x"',)),
        ),
        Case(
            "gRPC, a stream both ways",
            Grpc(f"{SERVICE}/Chat", (b"\x0a\x01a", b"\x0a\x01b")),
            "passed on",
            OURS,
            Expect(grpc_code=0, messages=(b"\x0a\x04Chat\x12\x01a", b"\x0a\x04Chat\x12\x01b")),
        ),
        Case("gRPC, an error", Grpc(f"{SERVICE}/Fail", (b"\x08\x05",)), "passed on", OURS, Expect(grpc_code=5)),
        Case(
            "gRPC-Web",
            post(f"{SERVICE}/Query", frame(b"\x0a\x01x"), "application/grpc-web+proto"),
            "trailers in the body",
            OURS,
            Expect(has=r'name: "x"[\s\S]*grpc-status: ?0', headers={"content-type": r"application/grpc-web\+proto"}),
        ),
        Case(
            "gRPC-Web as text",
            post(
                f"{SERVICE}/Query", base64.b64encode(frame(b"\x0a\x01x")), "application/grpc-web-text", accept="application/grpc-web-text"
            ),
            "base64",
            OURS,
            Expect(headers={"content-type": "application/grpc-web-text"}, has="^[A-Za-z0-9+/=]+$"),
        ),
        Case(
            "Connect, unary in binary",
            post(f"{SERVICE}/Query", b"\x0a\x01x", "application/proto", connect_protocol_version="1"),
            "a bare message each way",
            CONNECT,
            Expect(has='name: "x"', headers={"content-type": "^application/proto$"}),
        ),
        Case(
            "Connect, unary in JSON",
            post(f"{SERVICE}/Query", '{"name":"x"}', connect_protocol_version="1"),
            "a bare message each way",
            CONNECT,
            gets('name: "x"'),
        ),
        Case(
            "Connect, an error",
            post(f"{SERVICE}/Fail", b"\x08\x05", "application/proto", connect_protocol_version="1"),
            "in JSON, under its own status",
            CONNECT,
            Expect((404,), fields={"code": "not_found"}, headers={"content-type": "^application/json"}),
        ),
        Case(
            "Connect, a stream",
            post(f"{SERVICE}/Stream", frame(b"\x08\x01"), "application/connect+proto", connect_protocol_version="1"),
            "frames, the last one says how it ended",
            CONNECT,
            Expect(has=r"Stream[\s\S]*\x02\x00\x00\x00\x02\{\}$", headers={"content-type": r"^application/connect\+proto$"}),
        ),
        Case(
            "Connect, a stream's error",
            post(f"{SERVICE}/Stream", frame(b'{"code":10}'), "application/connect+json", connect_protocol_version="1"),
            "200, and the error in the last frame",
            CONNECT,
            Expect(has=r'^\x02[\s\S]*\{"error":\{"code":"aborted"'),
        ),
        Case(
            "its own reflection",
            post("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", frame(LIST_SERVICES), "application/grpc-web+proto"),
            "says what it serves",
            OURS,
            Expect(has=r"stratus\.conformance\.v1\.Cases[\s\S]*grpc-status: ?0"),
        ),
        Case(
            "descriptors by reflection",
            Started("reflection", get("/v1/single/x")),
            "asked of the service, no file",
            OURS,
            gets('name: "x"'),
        ),
        Case("OpenAPI", get("/openapi.json"), "3.1, of what is served", OURS, Expect(has=r'"openapi":\s*"3\.1[\s\S]*/v1/single/')),
        Case("health", get("/health"), "without a method for it", OURS, Expect()),
    ),
)
