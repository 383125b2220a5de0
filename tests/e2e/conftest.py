"""Starts the real programs on free ports and gives tests their addresses.

The programs are those of the build folder in STRATUS_BUILD (default: build). Every program gets a folder of its own, an
environment that names only what it needs, and is ended with SIGTERM; one that does not end by itself fails the run.
"""

import base64
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("STRATUS_BUILD", ROOT / "build"))
DEPS = ROOT / ".deps"
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 30


RUNNING = []


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left_behind():
    """A test that fails half-way may not have stopped what it started."""
    yield
    for process in RUNNING:
        if process.poll() is None:
            process.kill()
            process.wait()


class Program:
    """A running program of build/bin, and the addresses it wrote to its ready file."""

    def __init__(self, name, folder, *arguments, env=None):
        self.name = name
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.log_path = folder / f"{name}.log"
        ready = folder / f"{name}.ready.json"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [BUILD / "bin" / name, f"--ready-file={ready}", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={"PATH": os.environ["PATH"], **(env or {})},
            )
        RUNNING.append(self.process)
        self.addresses = self._wait_until_ready(ready)

    def _wait_until_ready(self, ready):
        # The pidfd tells at once when the program ends instead of getting ready.
        pidfd = os.pidfd_open(self.process.pid)
        try:
            deadline = time.monotonic() + START_SECONDS_MAX
            while time.monotonic() < deadline:
                if ready.exists():
                    return json.loads(ready.read_text())
                if select.select([pidfd], [], [], 0.02)[0]:
                    raise RuntimeError(f"{self.name} ended at start:\n{self.log()}")
        finally:
            os.close(pidfd)
        raise RuntimeError(f"{self.name} was not ready in time:\n{self.log()}")

    def log(self):
        return self.log_path.read_text(errors="replace")

    def stop(self):
        """Drains the program; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.name} did not end within {STOP_SECONDS_MAX} s of SIGTERM:\n{self.log()}") from None


@dataclass
class Reply:
    status: int
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)


def call(url, method="GET", headers=None, body=None, timeout=20):
    """One HTTP call; a status of any kind is a Reply."""
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as reply:
            return Reply(reply.status, {k.lower(): v for k, v in reply.headers.items()}, reply.read())
    except urllib.error.HTTPError as error:
        return Reply(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read())


@dataclass
class Gateway:
    """The door of a running platform."""

    address: str
    weather: str
    sandbox: str
    program: Program
    provisioning: str = ""
    others: list = field(default_factory=list)

    @property
    def url(self):
        return f"http://{self.address}"

    def call(self, path, token=None, method="GET", headers=None, body=None, timeout=20):
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return call(self.url + path, method, headers, body, timeout)

    def token(self, **claims):
        """A token from the sandbox issuer: client_id, scope, ttl_seconds, groups, ..."""
        claims.setdefault("client_id", "dev")
        reply = call(
            f"http://{self.sandbox}/admin/token",
            "POST",
            {"content-type": "application/json"},
            json.dumps(claims).encode(),
        )
        assert reply.status == 200, reply.body
        return reply.json()["access_token"]

    def fault(self, **fault):
        reply = call(
            f"http://{self.sandbox}/admin/faults",
            "POST",
            {"content-type": "application/json"},
            json.dumps(fault).encode(),
        )
        assert reply.status == 200, reply.body

    def clear_faults(self):
        assert call(f"http://{self.sandbox}/admin/faults", "DELETE").status == 200

    def calls(self, target):
        """Calls that the sandbox has had for a target so far."""
        return call(f"http://{self.sandbox}/admin/calls").json().get(target, 0)


@pytest.fixture(scope="session")
def gateway(tmp_path_factory):
    """stratusd in the development profile, everything in one process, with its own sandbox."""
    program = Program(
        "stratusd",
        tmp_path_factory.mktemp("stratusd"),
        "--profile=development",
        "--listen=127.0.0.1:0",
        "--weather-listen=127.0.0.1:0",
        "--provisioning-listen=127.0.0.1:0",
        f"--data-dir={tmp_path_factory.mktemp('data')}",
        "--sandbox-listen=127.0.0.1:0",
        "--admin-listen=127.0.0.1:0",
        f"--descriptors={BUILD / 'share' / 'stratus.pb'}",
        f"--docs-dir={DEPS / 'swagger-ui'}",
        # Tests never ask the internet: Open-Meteo is out of reach here, so the sandbox answers for it.
        env={"OPEN_METEO_DOMAIN": "http://127.0.0.1:1", "OPEN_METEO_GEOCODING_DOMAIN": "http://127.0.0.1:1"},
    )
    a = program.addresses
    yield Gateway(a["gateway"], a["weather"], a["sandbox"], program, a["provisioning"])
    assert program.stop() == 0, program.log()


@pytest.fixture
def token(gateway):
    return gateway.token()


@pytest.fixture(scope="session")
def stubs(tmp_path_factory):
    """Python client code generated from our protos, importable for the rest of the run."""
    output = tmp_path_factory.mktemp("stubs")
    sources = [str(p.relative_to(ROOT / "proto")) for p in (ROOT / "proto" / "stratus").rglob("*.proto")]
    subprocess.run(
        [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            f"-I{ROOT / 'proto'}",
            f"-I{DEPS / 'proto'}",
            f"--python_out={output}",
            f"--grpc_python_out={output}",
            *sources,
        ],
        check=True,
    )
    sys.path.insert(0, str(output))
    yield output
    sys.path.remove(str(output))


def grpcurl(*arguments, token=None):
    """Runs grpcurl; returns the finished process with its texts."""
    binary = DEPS / "bin" / "grpcurl"
    headers = ["-H", f"authorization: Bearer {token}"] if token else []
    return subprocess.run([binary, "-plaintext", "-max-time", "20", *headers, *arguments], capture_output=True, text=True, timeout=30)


def basic(client_id, secret):
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()
