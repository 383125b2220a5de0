"""The real programs on free ports, for tests of every folder.

A module of its own, not part of conftest.py: pytest loads a conftest.py under a name of its own choice, and who imports
it by name would get a second copy, with a second list of what runs.
"""

import base64
import json
import os
import pathlib
import select
import signal
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("STRATUS_BUILD", ROOT / "build"))
DEPS = ROOT / ".deps"
# These only bound a failure: a busy machine may be many times slower than an idle one.
START_SECONDS_MAX = 240
STOP_SECONDS_MAX = 120
CALL_SECONDS_MAX = 120


RUNNING = []  # every process that was started, ended or not


def end_all():
    """Ends what a test that failed half-way has left behind."""
    for process in RUNNING:
        if process.poll() is None:
            process.kill()
            process.wait()


class Program:
    """A running program of build/bin, and the addresses it wrote to its ready file."""

    def __init__(self, name, folder, *arguments, env=None, stdout=None, prefix=()):
        self.name = name
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.log_path = folder / f"{name}.log"
        ready = folder / f"{name}.ready.json"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [*prefix, BUILD / "bin" / name, f"--ready-file={ready}", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=stdout or log,
                stderr=log,
                env={"PATH": os.environ["PATH"], "STRATUS_DRAIN_DELAY_SECONDS": "0", **(env or {})},
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


def call(url, method="GET", headers=None, body=None, timeout=CALL_SECONDS_MAX):
    """One HTTP call; a status of any kind is a Reply."""
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as reply:
            return Reply(reply.status, {k.lower(): v for k, v in reply.headers.items()}, reply.read())
    except urllib.error.HTTPError as error:
        return Reply(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read())


def open_stream(url, headers):
    """A reply that never ends by itself: read what there is to be read, and leave by the end of `with`."""
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=CALL_SECONDS_MAX)


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

    def call(self, path, token=None, method="GET", headers=None, body=None, timeout=CALL_SECONDS_MAX):
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


def grpcurl(*arguments, token=None):
    """Runs grpcurl; returns the finished process with its texts."""
    binary = DEPS / "bin" / "grpcurl"
    headers = ["-H", f"authorization: Bearer {token}"] if token else []
    command = [binary, "-plaintext", "-max-time", str(CALL_SECONDS_MAX), *headers, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=2 * CALL_SECONDS_MAX)


def basic(client_id, secret):
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()
