"""An OpenTelemetry collector, and what stands before it: a relay that keeps each datagram on its way there.

The collector is not ours (scripts/setup_collector.sh builds it), so what it reads from our datagrams and requests is what
others read. It writes the spans that it has understood as OTLP/JSON, one file for each way in.
"""

import json
import os
import signal
import socket
import subprocess
import threading
import time

from programs import DEPS, RUNNING, START_SECONDS_MAX, STOP_SECONDS_MAX, call

CONFIGURATION = """
receivers:
  awsxray:
    endpoint: 127.0.0.1:{xray}
    proxy_server: {{endpoint: "127.0.0.1:{proxy}", region: us-east-1, aws_endpoint: "http://{sampling}"}}
  otlp:
    protocols: {{http: {{endpoint: "127.0.0.1:{otlp}"}}}}
exporters:
  file/xray: {{path: {folder}/xray.jsonl, flush_interval: 100ms}}
  file/otlp: {{path: {folder}/otlp.jsonl, flush_interval: 100ms}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces/xray: {{receivers: [awsxray], exporters: [file/xray]}}
    traces/otlp: {{receivers: [otlp], exporters: [file/otlp]}}
"""


def free_ports():
    """A UDP port and two TCP ports that were free just now."""
    sockets = [socket.socket(socket.AF_INET, kind) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM, socket.SOCK_STREAM)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Collector:
    """Passes questions about sampling on to `sampling`, the TCP side of the sandbox's X-Ray daemon."""

    def __init__(self, folder, sampling):
        self.folder = folder
        # It has no port 0: another program may take a port in between, and then other ones are tried.
        for _ in range(5):
            self.xray, self.proxy, self.otlp = free_ports()
            if self._start(sampling):
                return
            if "address already in use" not in self.log():
                break
        raise AssertionError(f"the collector does not start:\n{self.log()}")

    def _start(self, sampling):
        ports = {"xray": self.xray, "proxy": self.proxy, "otlp": self.otlp}
        path = self.folder / "collector.yaml"
        path.write_text(CONFIGURATION.format(folder=self.folder, sampling=sampling, **ports))
        with open(self.folder / "collector.log", "wb") as log:
            self.process = subprocess.Popen(
                [DEPS / "bin" / "otelcol", f"--config=file:{path}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # The proxy signs what it passes on.
                env={"PATH": os.environ["PATH"], "AWS_ACCESS_KEY_ID": "collector", "AWS_SECRET_ACCESS_KEY": "collector"},
            )
        RUNNING.append(self.process)
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline and self.process.poll() is None:
            if "Everything is ready" in self.log() and self._answers():
                return True
            time.sleep(0.02)
        return False

    def _answers(self):
        try:
            rules = call(f"http://127.0.0.1:{self.proxy}/GetSamplingRules", "POST", body=b"{}")
        except OSError:
            return False
        return rules.status == 200

    def log(self):
        return (self.folder / "collector.log").read_text(errors="replace")

    def spans(self, way):
        """What it has understood so far, by span id: `way` is xray or otlp. Each span has its resource beside it."""
        path = self.folder / f"{way}.jsonl"
        found = {}
        for line in path.read_text().splitlines() if path.exists() else []:
            try:
                batch = json.loads(line)
            except json.JSONDecodeError:
                break  # the last line is being written
            for resource in batch["resourceSpans"]:
                for scope in resource["scopeSpans"]:
                    for span in scope["spans"]:
                        span["resource"] = attributes(resource["resource"])
                        found.setdefault(span["spanId"], []).append(span)
        return found

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS_MAX)


class Relay:
    """Keeps each datagram, and passes it on to a port of this machine."""

    def __init__(self, port):
        self.datagrams = []
        self._out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._out.connect(("127.0.0.1", port))
        self._in = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._in.bind(("127.0.0.1", 0))
        self.port = self._in.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while datagram := self._in.recv(65536):  # an empty one ends it
            self.datagrams.append(datagram)
            self._out.send(datagram)

    def documents(self):
        return [json.loads(datagram.split(b"\n", 1)[1]) for datagram in list(self.datagrams)]

    def stop(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(STOP_SECONDS_MAX)
        self._in.close()
        self._out.close()


def attributes(holder):
    """The attributes of a span, an event or a resource as a dict."""
    return {entry["key"]: value(entry["value"]) for entry in holder.get("attributes", [])}


def value(tagged):
    ((kind, content),) = tagged.items()
    if kind == "intValue":
        return int(content)
    if kind == "arrayValue":
        return [value(each) for each in content.get("values", [])]
    return content
