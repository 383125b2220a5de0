"""What the hostile suite needs: a gateway under a memory limit, an honest client beside the attack, and bytes to attack with.

An attack (hostile_attacks.py) takes a Door and does it a bounded amount of harm; `standing` says whether it still stands.
"""

import contextlib
import http.client
import json
import pathlib
import re
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time

from programs import DEPS, RUNNING, Program, call

HERE = pathlib.Path(__file__).resolve().parent
MIB = 1 << 20
GIB = 1 << 30
ANSWER_SECONDS_MAX = 5
# Beside the budget: code, stacks, what is not counted.
SLACK_BYTES = 64 * MIB
CONFIG = """
limits:
  default_timeout: 3s
  header_timeout: 2s
  idle_timeout: 60s
  slow_grace: 2s
cors:
  allow_origins: ["https://app.example"]
caching:
  rules:
    - selector: stratus.hostile.v1.Shop.Get
      cache_control: max-age=60
      keep: {shared: true}
"""


class Door:
    """stratus-gateway with two threads before a backend, under prlimit."""

    def __init__(self, folder, memory_bytes, descriptors_max=0, config=CONFIG):
        folder.mkdir(parents=True, exist_ok=True)
        descriptors = folder / "hostile.pb"
        (folder / "gateway.yaml").write_text(config)
        protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{HERE / 'proto'}", f"-I{DEPS / 'proto'}"]
        subprocess.run([*protoc, "--include_imports", f"--descriptor_set_out={descriptors}", "hostile.proto"], check=True)
        self.backend = subprocess.Popen([sys.executable, HERE / "hostile_backend.py"], stdout=subprocess.PIPE, text=True)
        RUNNING.append(self.backend)
        backend_port = int(self.backend.stdout.readline())
        files = [f"--nofile={descriptors_max}:{descriptors_max}"] if descriptors_max else []
        self.program = Program(
            "stratus-gateway",
            folder,
            "--listen=127.0.0.1:0",
            "--admin-listen=127.0.0.1:0",
            "--auth=off",
            "--threads=2",
            "--access-log=off",
            f"--upstream=127.0.0.1:{backend_port}",
            f"--descriptors={descriptors}",
            f"--config={folder / 'gateway.yaml'}",
            prefix=["prlimit", f"--as={memory_bytes}", *files],
        )
        host, port = self.program.addresses["gateway"].split(":")
        self.address = (host, int(port))

    def stop(self):
        """Drains it; returns its exit code."""
        try:
            return self.program.stop()
        finally:
            self.backend.terminate()
            self.backend.wait()

    def alive(self):
        return self.program.process.poll() is None

    def connect(self, receive_buffer=0, source="127.0.0.1"):
        client = socket.socket()
        client.bind((source, 0))
        if receive_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.settimeout(60)
        client.connect(self.address)
        return client

    def metric(self, name):
        page = call(f"http://{self.program.addresses['admin']}/metrics", timeout=ANSWER_SECONDS_MAX).body.decode()
        found = re.search(rf"^{name}(?:{{[^}}]*}})? (\S+)$", page, re.MULTILINE)
        assert found, f"there is no metric {name}"
        return float(found[1])

    def peak_bytes(self):
        status = pathlib.Path(f"/proc/{self.program.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) << 10


class Honest:
    """Calls the gateway all the time while it is attacked, by `with`."""

    def __init__(self, door):
        self.door = door
        self.seconds = []
        self.failures = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._stop.set()
        self._thread.join()

    def _run(self):
        kept = http.client.HTTPConnection(*self.door.address, timeout=ANSWER_SECONDS_MAX)
        while not self._stop.is_set():
            kept = self._ask(kept, "GET", "/get?size=1")
            fresh = http.client.HTTPConnection(*self.door.address, timeout=ANSWER_SECONDS_MAX)
            self._ask(fresh, "POST", "/take", json.dumps({"text": "x" * 500}))
            fresh.close()
            self._stop.wait(0.02)
        kept.close()

    def _ask(self, client, method, path, body=None):
        begun = time.monotonic()
        headers = {"content-type": "application/json"} if body else {}
        try:
            try:
                client.request(method, path, body, headers)
                reply = client.getresponse()
            except (ConnectionError, http.client.RemoteDisconnected):
                # An idle connection may be closed at any time: every client asks again then (RFC 9112, 9.3.1).
                if method != "GET":
                    raise
                client.close()
                client.request(method, path, body, headers)
                reply = client.getresponse()
            reply.read()
            if reply.status != 200:
                self.failures.append(f"{method} {path}: {reply.status}")
            self.seconds.append(time.monotonic() - begun)
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(f"{method} {path} after {time.monotonic() - begun:.1f} s: {error!r}")
            client.close()
        return client

    def p99_ms(self):
        return 1000 * (statistics.quantiles(self.seconds, n=100)[98] if len(self.seconds) > 1 else self.seconds[0])


def standing(door, honest):
    """Asserts that the attack harmed nobody but its clients."""
    assert door.alive(), door.program.log()[-4000:]
    assert honest.seconds and not honest.failures, f"{len(honest.seconds)} answered, not: {honest.failures[:10]}"
    assert max(honest.seconds) < ANSWER_SECONDS_MAX
    budget = door.metric("stratus_gateway_memory_budget_bytes")
    assert door.peak_bytes() < budget + SLACK_BYTES, f"{door.peak_bytes() >> 20} MiB, budget {int(budget) >> 20} MiB"


@contextlib.contextmanager
def attacked(door):
    """What is inside attacks; afterwards the gateway has to stand."""
    with Honest(door) as honest:
        yield honest
    standing(door, honest)


@contextlib.contextmanager
def closing(clients):
    """The clients, closed in the end."""
    try:
        yield clients
    finally:
        for client in clients:
            client.close()


def push(client, data, seconds=1.0):
    """Sends until the peer takes no more for so long, or closes; returns how much went."""
    client.settimeout(seconds)
    view, sent = memoryview(data), 0
    try:
        while sent < len(view):
            sent += client.send(view[sent : sent + (1 << 18)])
    except OSError:
        return sent
    return sent


def drain(client, seconds=5.0):
    """All that the peer sends until it ends, or is silent for so long. None in the end: it was not the end."""
    client.settimeout(seconds)
    got = bytearray()
    try:
        while piece := client.recv(1 << 16):
            got += piece
    except TimeoutError:
        return bytes(got), False
    except OSError:
        pass
    return bytes(got), True


# --- HTTP/2, frame by frame.

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, PADDED = 1, 4, 8
ENHANCE_YOUR_CALM, REFUSED_STREAM = 11, 7
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def settings(**values):
    ids = {"window": 4}
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", ids[name], value) for name, value in values.items()))


def literal(name, value):
    """A field without indexing; both shorter than 127 bytes."""
    return b"\x00" + bytes((len(name),)) + name + bytes((len(value),)) + value


def head(stream, method, path, *fields, end=True):
    block = literal(b":method", method) + literal(b":path", path) + b"\x86" + literal(b":authority", b"door")
    block += b"".join(literal(*field) for field in fields)
    return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block)


def frames(data):
    """(kind, flags, stream, payload) of each whole frame."""
    at = 0
    while at + 9 <= len(data):
        length = int.from_bytes(data[at : at + 3], "big")
        stream = int.from_bytes(data[at + 5 : at + 9], "big")
        if at + 9 + length > len(data):
            return
        yield data[at + 3], data[at + 4], stream, data[at + 9 : at + 9 + length]
        at += 9 + length


def goaway_code(data):
    """Of the last GOAWAY; None: there was none."""
    codes = [int.from_bytes(payload[4:8], "big") for kind, _, _, payload in frames(data) if kind == GOAWAY]
    return codes[-1] if codes else None


def resets(data, code):
    return sum(1 for kind, _, _, payload in frames(data) if kind == RST_STREAM and int.from_bytes(payload, "big") == code)


def h2(door, window=65535, receive_buffer=0):
    client = door.connect(receive_buffer)
    client.sendall(PREFACE + settings(window=window))
    return client
