"""Asks a gateway what a case asks, and brings the answer back as it came."""

import contextlib
import gzip
import http.client
import socket
import subprocess

import grpc
from case import Answer, Grpc, H2c, Raw

TIMEOUT_SECONDS = 120
RAW_TIMEOUT_SECONDS = 30


def ask(port, request):
    if isinstance(request, Grpc):
        return ask_grpc(port, request)
    if isinstance(request, Raw):
        return ask_raw(port, request)
    if isinstance(request, H2c):
        return ask_h2c(port, request)
    return ask_http(port, request)


def ask_http(port, request):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        # A gateway that refuses a large body may answer before it has all of it.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            send(connection, request)
        response = connection.getresponse()
        complete = True
        try:
            body = response.read()
        except http.client.IncompleteRead as cut:
            body, complete = cut.partial, False
        headers = {name.lower(): value for name, value in response.getheaders()}
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        elif headers.get("content-encoding"):
            body = b"(coded)"
        return Answer(response.status, headers, body, complete)
    except (OSError, http.client.HTTPException) as error:
        return Answer(note=f"no answer: {type(error).__name__}")
    finally:
        connection.close()


def send(connection, request):
    connection.putrequest(request.method, request.target, skip_accept_encoding=True)
    for name, value in request.headers.items():
        connection.putheader(name, value)
    if request.chunked:
        connection.putheader("transfer-encoding", "chunked")
    elif request.body:
        connection.putheader("content-length", str(len(request.body)))
    connection.endheaders()
    if request.chunked:
        connection.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(request.body), request.body))
    elif request.body:
        connection.send(request.body)


def ask_raw(port, request):
    """The status of the first answer, and everything behind it. The request says `Connection: close`, or is refused."""
    received = b""
    try:
        with socket.create_connection(("127.0.0.1", port), RAW_TIMEOUT_SECONDS) as connection:
            connection.sendall(request.first.encode())
            received += connection.recv(1 << 16)
            connection.sendall(request.then.encode())
            while piece := connection.recv(1 << 16):
                received += piece
    except OSError:
        pass  # what has come so far is the answer
    head, _, rest = received.partition(b"\r\n")
    if not head.startswith(b"HTTP/1."):
        return Answer(note="no answer")
    return Answer(int(head.split()[1]), {}, rest)


def ask_h2c(port, request):
    done = subprocess.run(
        ["curl", "-s", "--max-time", str(TIMEOUT_SECONDS), "--http2-prior-knowledge", "-w", "\n%{http_code} %{http_version}"]
        + [f"http://127.0.0.1:{port}{request.target}"],
        capture_output=True,
    )
    body, _, last = done.stdout.rpartition(b"\n")
    status, version = last.split()
    if done.returncode != 0 or version != b"2":
        return Answer(note="no HTTP/2")
    return Answer(int(status), {}, body)


def ask_grpc(port, request):
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.stream_stream(request.path)(iter(request.messages), timeout=TIMEOUT_SECONDS)
        messages = []
        with contextlib.suppress(grpc.RpcError):  # the code says the same
            messages.extend(call)
        code = call.code().value[0]
        if code == grpc.StatusCode.UNAVAILABLE.value[0]:
            return Answer(note="no gRPC")
        return Answer(grpc_code=code, messages=tuple(messages))
