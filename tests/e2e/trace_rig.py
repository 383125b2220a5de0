"""A platform whose X-Ray daemon is a program of its own, so that it can be away, slow, or wrong while calls go on."""

import json
import os
import re
import time

from programs import BUILD, Gateway, Program, call

SECONDS_MAX = 120
# The door would answer from what it keeps, and the trace end there.
ANEW = {"Cache-Control": "no-cache"}


def new_trace():
    return f"{int(time.time()):08x}{os.urandom(12).hex()}", os.urandom(8).hex()


def sampled(trace_id, parent):
    return {"traceparent": f"00-{trace_id}-{parent}-01"}


def xray_id(trace_id):
    return f"1-{trace_id[:8]}-{trace_id[8:]}"


def metrics(program):
    return call(f"http://{program.addresses['admin']}/metrics").body.decode()


def span_counts(program, exporter):
    """Spans created, sent and dropped by an exporter, and dropped by reason, as the program's metrics have them."""
    scraped = metrics(program)
    pattern = rf'^stratus_trace_spans_{{}}_total{{{{exporter="{exporter}"(?:,reason="(\w+)")?}}}} (\S+)$'
    found = {name: re.findall(pattern.format(name), scraped, re.M) for name in ("created", "sent", "dropped")}
    counts = {name: sum(float(number) for _, number in rows) for name, rows in found.items()}
    return {**counts, "reasons": {reason: float(number) for reason, number in found["dropped"] if float(number)}}


class Platform:
    def __init__(self, folder, environment=None, faults=(), flags=()):
        self.daemon = Program("stratus-sandbox", folder / "daemon", "--profile=development", "--listen=127.0.0.1:0")
        self.daemon_url = f"http://{self.daemon.addresses['sandbox']}"
        for fault in faults:
            self.post("/admin/faults", fault)
        self.program = Program(
            "stratusd",
            folder / "stratusd",
            "--profile=development",
            "--listen=127.0.0.1:0",
            f"--data-dir={folder / 'data'}",
            "--sandbox-listen=127.0.0.1:0",
            "--admin-listen=127.0.0.1:0",
            f"--descriptors={BUILD / 'share' / 'stratus.pb'}",
            *flags,
            env={
                "OPEN_METEO_DOMAIN": "http://127.0.0.1:1",
                "AWS_XRAY_DAEMON_ADDRESS": self.daemon.addresses["xray"],
                **{name: text.format(sandbox=self.daemon_url) for name, text in (environment or {}).items()},
            },
        )
        a = self.program.addresses
        self.door = Gateway(a["gateway"], a["weather"], a["sandbox"], self.program, a["provisioning"])
        self.token = self.door.token()

    def post(self, path, body):
        reply = call(f"{self.daemon_url}{path}", "POST", {"content-type": "application/json"}, json.dumps(body).encode())
        assert reply.status == 200, reply.body

    def weather(self, headers=None):
        return self.door.call("/v1/weather:today", self.token, headers={**ANEW, **(headers or {})})

    def traces(self, trace_id=""):
        reply = call(f"{self.daemon_url}/traces{'/' if trace_id else ''}{trace_id}?format=json")
        return reply.json() if reply.status == 200 else None

    def settled(self, exporter, created_min):
        """The counts once every span that was created was sent or dropped."""
        deadline = time.monotonic() + SECONDS_MAX
        while True:
            counts = span_counts(self.program, exporter)
            if counts["created"] >= created_min and counts["created"] == counts["sent"] + counts["dropped"]:
                return counts
            assert time.monotonic() < deadline, counts
            time.sleep(0.05)

    def wait_for_trace(self, trace_id, names):
        """The spans of a trace, once those are there and everything fits together."""
        deadline = time.monotonic() + SECONDS_MAX
        while True:
            trace = self.traces(xray_id(trace_id))
            if trace and not trace["problems"] and set(names) <= {span["name"] for span in trace["spans"]}:
                return trace["spans"]
            assert time.monotonic() < deadline, trace
            time.sleep(0.05)

    def stop(self):
        assert self.program.stop() == 0, self.program.log()
        assert self.daemon.stop() == 0, self.daemon.log()
