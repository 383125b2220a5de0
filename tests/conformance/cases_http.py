"""Cases of HTTP/1 on the wire: what two parsers must not read in two ways, and what old clients send."""

from case import OURS, RFC9110, RFC9112, Case, Expect, Group, Raw

CLOSE = "Connection: close\r\n"
JSON = "Content-Type: application/json\r\n"


def get_line(target="/v1/single/x", version="1.1"):
    return f"GET {target} HTTP/{version}\r\n"


def get(headers, target="/v1/single/x"):
    return Raw(f"{get_line(target)}{headers}{CLOSE}\r\n")


def post(headers, body):
    return Raw(f"POST /v1/echo HTTP/1.1\r\nHost: a\r\n{JSON}{headers}{CLOSE}\r\n{body}")


def chunked(body):
    return post("Transfer-Encoding: chunked\r\n", body)


def must_refuse(name, request, rule, source=RFC9112):
    return Case(name, request, rule, source, Expect((400, 501)))


ON_THE_WIRE = Group(
    "HTTP/1 on the wire",
    (
        Case("HTTP/1.0", Raw(f"{get_line(version='1.0')}Host: a\r\n\r\n"), "answered", OURS, Expect(has='name: ."x')),
        Case(
            "two requests at once",
            Raw(f"{get_line('/v1/single/a')}Host: a\r\n\r\n{get_line('/v1/single/b')}Host: a\r\n{CLOSE}\r\n"),
            "two answers, in order",
            RFC9112,
            Expect(has=r'name: ."a[\s\S]*HTTP/1.1 200[\s\S]*name: ."b'),
        ),
        Case(
            "Expect: 100-continue",
            Raw(f"POST /v1/echo HTTP/1.1\r\nHost: a\r\n{JSON}Content-Length: 12\r\nExpect: 100-continue\r\n{CLOSE}\r\n", '{"name":"x"}'),
            "100, then the answer",
            RFC9110,
            Expect((100,), has=r'HTTP/1.1 200[\s\S]*name: ."x'),
        ),
        Case("the whole URL", get("Host: a\r\n", "http://a/v1/single/x"), "as the path alone", RFC9112, Expect(has='name: ."x')),
        Case("a chunk's extension", chunked('c;a="b"\r\n{"name":"x"}\r\n0\r\n\r\n'), "ignored", RFC9112, Expect(has='name: ."x')),
        Case("trailers", chunked('c\r\n{"name":"x"}\r\n0\r\na: b\r\n\r\n'), "read past", RFC9112, Expect(has='name: ."x')),
        must_refuse("no Host", get(""), "400"),
        must_refuse("two Hosts", get("Host: a\r\nHost: b\r\n"), "400"),
        must_refuse("a space before the colon", get("Host: a\r\nx-a : b\r\n"), "400"),
        Case("a folded header", get("Host: a\r\nx-a: b\r\n c\r\n"), "400, or a space in its place", RFC9112, Expect((200, 400))),
        must_refuse("two lengths", post("Content-Length: 12\r\nContent-Length: 2\r\n", '{"name":"x"}'), "400"),
        must_refuse("a length that is no number", post("Content-Length: +12\r\n", '{"name":"x"}'), "400"),
        must_refuse(
            "a length and chunks", post("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"), "refused", OURS
        ),
        must_refuse("an unknown coding", post("Transfer-Encoding: x\r\n", "{}"), "501 or 400"),
        must_refuse("chunked, but not last", post("Transfer-Encoding: chunked, x\r\n", "2\r\n{}\r\n0\r\n\r\n"), "400 or 501"),
        must_refuse("a chunk's size that is none", chunked("0x2\r\n{}\r\n0\r\n\r\n"), "400"),
        must_refuse("a chunk longer than its size", chunked("1\r\n{}\r\n0\r\n\r\n"), "400"),
    ),
)
