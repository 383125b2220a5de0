"""What a conformance case is: a request, the rule that decides, and what the rule asks for."""

import json
import re
from dataclasses import dataclass, field

# Where rules come from. `OURS` is what users of gateways ask for where no specification decides.
HTTP_PROTO = "http.proto"
PROTOJSON = "ProtoJSON"
RFC9110 = "RFC 9110"
RFC9112 = "RFC 9112"
RFC3986 = "RFC 3986"
RFC3629 = "RFC 3629"
RFC7493 = "RFC 7493"
RFC8259 = "RFC 8259"
FORMS = "WHATWG URL"
AIP134 = "AIP-134"
AIP193 = "AIP-193"
CODE_PROTO = "code.proto"
GRPC = "gRPC over HTTP/2"
GRPC_WEB = "gRPC-Web"
CONNECT = "Connect"
SSE = "WHATWG HTML"
NDJSON = "NDJSON"
OURS = "this project"

EMPTY = ("", 0, False, None, [], {})


@dataclass(frozen=True)
class Http:
    """One HTTP/1.1 request."""

    method: str
    target: str
    headers: dict = field(default_factory=dict)
    body: bytes = b""
    chunked: bool = False

    def __str__(self):
        text = f"{self.method} {self.target}"
        for name, value in self.headers.items():
            if (name, value) != ("content-type", "application/json"):
                text += f", {name}: {value}"
        if not self.body:
            return text
        if len(self.body) > 110:
            return f"{text} ({len(self.body):,} bytes)"
        return f"{text} {self.body.decode('utf-8', 'backslashreplace')}"


@dataclass(frozen=True)
class H2c:
    """A GET over HTTP/2 without TLS."""

    target: str

    def __str__(self):
        return f"GET {self.target} over HTTP/2, no upgrade"


@dataclass(frozen=True)
class Raw:
    """Bytes on a connection: the first of them, and what is sent once an answer has begun to come."""

    first: str
    then: str = ""

    def __str__(self):
        return self.first.replace("\r\n\r\n", " ⏎⏎ ", 1).replace("\r\n", " ⏎ ").strip() + self.then


@dataclass(frozen=True)
class Grpc:
    """One gRPC call: so many messages out, all replies in."""

    path: str
    messages: tuple

    def __str__(self):
        return f"gRPC {self.path.rsplit('/', 1)[1]}"


@dataclass(frozen=True)
class Started:
    """An HTTP request to a gateway that was started another way (rig.py)."""

    variant: str
    request: Http

    def __str__(self):
        return str(self.request)


@dataclass
class Answer:
    status: int = 0
    headers: dict = field(default_factory=dict)  # lower-case names
    body: bytes = b""
    complete: bool = True  # ended as HTTP says, not by a cut
    grpc_code: int = -1
    messages: tuple = ()  # of a gRPC call
    note: str = ""  # instead of all that: why there is no answer


@dataclass(frozen=True)
class Expect:
    """Each part that is given must hold."""

    status: tuple = (200,)
    method: str = ""  # that the service was called by
    got: str = None  # what it got, as text
    fields: dict = field(default_factory=dict)  # of the JSON reply; EMPTY values may be left out
    json: object = None
    text: str = None
    has: str = ""  # a regular expression in the body
    headers: dict = field(default_factory=dict)  # regular expressions by name
    complete: bool = True
    grpc_code: int = -1
    messages: tuple = None
    words_vary: bool = False  # an error's words are whose who was quicker to find it: the page leaves them out

    def failure(self, answer):
        """What is wrong with an answer; empty when it is right."""
        if answer.note:
            return answer.note
        if self.grpc_code >= 0 or self.messages is not None:
            return self._grpc_failure(answer)
        if answer.status not in self.status:
            return f"status {answer.status}, not {' or '.join(map(str, self.status))}"
        if answer.complete != self.complete:
            return "ends well" if answer.complete else "is cut short"
        for name, pattern in self.headers.items():
            if not re.search(pattern, answer.headers.get(name, "")):
                return f"{name}: {answer.headers.get(name)!r} does not match {pattern}"
        if self.text is not None and answer.body.decode(errors="replace") != self.text:
            return f"body {answer.body[:200]!r}"
        if self.has and not re.search(self.has, answer.body.decode(errors="replace")):
            return f"body {answer.body[:200]!r} does not match {self.has}"
        return self._json_failure(answer)

    def _grpc_failure(self, answer):
        if answer.grpc_code != max(self.grpc_code, 0):
            return f"gRPC code {answer.grpc_code}"
        if self.messages is not None and answer.messages != self.messages:
            return f"messages {answer.messages}"
        return ""

    def _json_failure(self, answer):
        wanted = dict(self.fields)
        if self.got is not None:
            wanted["got"] = self.got
        if self.method:
            wanted["method"] = self.method
        if not wanted and self.json is None:
            return ""
        try:
            found = json.loads(answer.body)
        except ValueError:
            return f"no JSON: {answer.body[:100]!r}"
        if self.json is not None and found != self.json:
            return f"JSON {found}"
        for name, value in wanted.items():
            there = found.get(name, value if value in EMPTY else None) if isinstance(found, dict) else None
            if there != value or type(there) is not type(value):
                return f"{name} is {there!r}, not {value!r}"
        return ""


@dataclass(frozen=True)
class Case:
    name: str
    request: object
    rule: str
    source: str
    expect: Expect


@dataclass(frozen=True)
class Group:
    title: str
    cases: tuple


# What cases are written with.


def refused(*status):
    return Expect(status=status or (400,))


def gets(text, method=""):
    """The service got this."""
    return Expect(got=text, method=method)


def get(target, **headers):
    return Http("GET", target, {name.replace("_", "-"): value for name, value in headers.items()})


def query(text):
    return get("/v1/query?" + text)


def post(target, body, content_type="application/json", **headers):
    data = body if isinstance(body, bytes) else body.encode()
    return Http("POST", target, {"content-type": content_type, **{n.replace("_", "-"): v for n, v in headers.items()}}, data)


def echo(body):
    return post("/v1/echo", body)
