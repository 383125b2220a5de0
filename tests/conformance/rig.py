"""The service of the conformance cases, and gateways before it: ours, and for the page Envoy and grpc-gateway."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "tests/bench"))
import peers  # noqa: E402
from ask import ask  # noqa: E402
from case import Answer, Started  # noqa: E402

PROTOS = HERE / "proto"
CASES = "stratus/conformance/v1/cases.proto"
# What a peer may not start with is a service in a file of its own, and a variant of its own: the file's and the service's names.
VARIANTS = {"response_body": "ResponseBodies", "custom_method": "CustomMethods"}
START_SECONDS_MAX = 120
NAMES = ("Stratus", "Envoy", "grpc-gateway")
NO_SETTING = "there is no such setting"


class Rig:
    """What runs, to be used by `with`. Without `peers_too` our gateway alone."""

    def __init__(self, gateway, folder, peers_too=False):
        self.gateway = pathlib.Path(gateway)
        self.folder = pathlib.Path(folder)
        self.descriptors = self.folder / "cases.pb"
        self.peers_too = peers_too
        self.ports = {}  # (gateway, variant) -> port, or a text that says why there is none
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with self._stack:
            self._compile()
            self.backend = self._start_backend()
            self._start_ours()
            if self.peers_too:
                self._start_envoy()
                self._start_grpc_gateway()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *error):
        self._stack.close()

    def ask(self, name, request):
        variant = ""
        if isinstance(request, Started):
            variant, request = request.variant, request.request
        port = self.ports[name, variant]
        return Answer(note=port) if isinstance(port, str) else ask(port, request)

    def _compile(self):
        """Stubs for the services, and their descriptors."""
        protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTOS}", f"-I{peers.DEPS / 'proto'}"]
        out = [f"--python_out={self.folder}", f"--grpc_python_out={self.folder}"]
        protos = [CASES, *map(proto_of, VARIANTS)]
        subprocess.run([*protoc, *out, *protos], check=True)
        # Who reads error details needs to know their types.
        output = ["--include_imports", f"--descriptor_set_out={self.descriptors}"]
        subprocess.run([*protoc, *output, *protos, "google/rpc/error_details.proto"], check=True)

    def _start_backend(self):
        process = subprocess.Popen([sys.executable, HERE / "backend.py", self.folder], stdout=subprocess.PIPE, text=True)
        self._stack.callback(process.wait)
        self._stack.callback(process.terminate)
        return int(process.stdout.readline())

    def _start_ours(self):
        port = self._ours("file", f"--descriptors={self.descriptors}")
        for variant in ("", *VARIANTS):
            self.ports["Stratus", variant] = port
        self.ports["Stratus", "reflection"] = self._ours("reflection", "--reflection")

    def _ours(self, name, descriptors):
        ready = self.folder / f"{name}.ready.json"
        command = [self.gateway, "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", f"--ready-file={ready}", descriptors]
        command += [f"--upstream=127.0.0.1:{self.backend}", "--auth=off", "--threads=1", "--access-log=off"]
        with open(self.folder / f"stratus-{name}.log", "wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._stack.callback(process.wait)
        self._stack.callback(process.terminate)
        deadline = time.monotonic() + START_SECONDS_MAX
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.gateway} does not get ready: {(self.folder / f'stratus-{name}.log').read_text()}")
            time.sleep(0.01)
        return int(json.loads(ready.read_text())["gateway"].rsplit(":", 1)[1])

    def _start_envoy(self):
        self.ports["Envoy", ""] = self._envoy("cases", ["Cases"])
        self.ports["Envoy", "reflection"] = NO_SETTING
        for variant, service in VARIANTS.items():
            try:
                self.ports["Envoy", variant] = self._envoy(variant, [service])
            except RuntimeError:
                self.ports["Envoy", variant] = "does not start with it"

    def _envoy(self, name, services):
        port = peers.free_port()
        config = self.folder / f"envoy-{name}.yaml"
        text = (HERE / "envoy.yaml").read_text(encoding="utf-8")
        services = json.dumps([f"stratus.conformance.v1.{service}" for service in services])
        values = {"PORT": port, "BACKEND": self.backend, "DESCRIPTORS": self.descriptors, "SERVICES": services}
        for key, value in values.items():
            text = text.replace(f"${key}", str(value))
        config.write_text(text, encoding="utf-8")
        command = [peers.DEPS / "venv/bin/envoy", "-c", config, "--concurrency", "1", "--log-level", "error", "--disable-hot-restart"]
        self._keep(peers.start(f"envoy-{name}", port, command, self.folder, cpu=all_cpus()))
        return port

    def _start_grpc_gateway(self):
        peers.generate_go(PROTOS, [CASES, proto_of("response_body")])
        self.ports["grpc-gateway", "custom_method"] = self._generate_custom_methods()
        binary = peers.build_go("conformance_grpc_gateway", "./conformance")
        port = peers.free_port()
        command = [binary, f"127.0.0.1:{port}", f"127.0.0.1:{self.backend}"]
        self._keep(peers.start("grpc-gateway", port, command, self.folder, cpu=all_cpus()))
        self.ports["grpc-gateway", ""] = self.ports["grpc-gateway", "response_body"] = port
        self.ports["grpc-gateway", "reflection"] = NO_SETTING

    def _generate_custom_methods(self):
        """Is tried, so that the page says so the day that it works."""
        try:
            peers.generate_go(PROTOS, [proto_of("custom_method")])
        except RuntimeError as error:
            if "--grpc-gateway_out" in str(error):
                return "its generator fails on it"
            raise
        raise RuntimeError("grpc-gateway has learnt custom methods: register them in its main.go")

    def _keep(self, running):
        self._stack.callback(running.stop)


def proto_of(variant):
    return f"stratus/conformance/v1/{variant}.proto"


def all_cpus():
    return f"0-{(os.cpu_count() or 1) - 1}"
