"""The programs that a benchmark runs: our gateway and its peers, each on one core, in front of one backend."""

import contextlib
import os
import pathlib
import socket
import subprocess
import time
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
RELEASE = ROOT / "build-release"
DEPS = ROOT / ".deps"
HERE = pathlib.Path(__file__).resolve().parent
# No balancer has to notice first that a program ends.
os.environ["STRATUS_DRAIN_DELAY_SECONDS"] = "0"
# The program under test has a core of its own; load and backend share the other.
GATEWAY_CPU = "0"
LOAD_CPU = str(min(1, (os.cpu_count() or 1) - 1))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process, name):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{name} ended with {process.returncode} before it listened")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"{name} did not listen on port {port}")


@dataclass
class Running:
    name: str
    port: int
    process: subprocess.Popen

    def cpu_seconds(self):
        """CPU time of all its threads so far, to the nanosecond."""
        total = 0
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            with contextlib.suppress(OSError):
                total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def rss_mib(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start(name, port, command, folder, cpu=GATEWAY_CPU, env=None):
    log = open(folder / f"{name}.log", "wb")  # noqa: SIM115  # the child owns it from here
    process = subprocess.Popen(
        ["taskset", "-c", cpu, *map(str, command)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env={**os.environ, **(env or {})},
    )
    log.close()
    wait_for_port(port, process, name)
    return Running(name, port, process)


def start_backend(folder):
    port = free_port()
    return start("backend", port, [RELEASE / "bin/bench_backend", f"127.0.0.1:{port}"], folder, cpu=LOAD_CPU)


def start_slow_backend(folder, method, workers, seconds):
    """Answers with an empty message, so many calls at a time, each after so long."""
    port = free_port()
    script = ROOT / "tests/chaos/slow_backend.py"
    command = [DEPS / "venv/bin/python", script, f"127.0.0.1:{port}", f"--workers={workers}", f"--seconds={method}={seconds}"]
    return start("slow-backend", port, command, folder, cpu=LOAD_CPU)


def start_stratus(backend, folder, name="stratus", env=None, gateway=None, arguments=()):
    port = free_port()
    command = [
        gateway or RELEASE / "bin/stratus-gateway",
        f"--listen=127.0.0.1:{port}",
        "--admin-listen=127.0.0.1:0",
        f"--upstream=127.0.0.1:{backend.port}",
        f"--descriptors={RELEASE / 'share/bench.pb'}",
        "--auth=off",
        "--threads=1",
        "--access-log=off",
        *arguments,
    ]
    return start(name, port, command, folder, env=env)


ENVOY_CONFIG = """
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: bench
          codec_type: AUTO
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {{prefix: "/"}}
                route: {{cluster: backend, timeout: {timeout}}}
          http_filters:{filters}
          - name: envoy.filters.http.grpc_json_transcoder
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder
              proto_descriptor: {descriptors}
              services: [stratus.bench.v1.BenchService]
              print_options: {{always_print_primitive_fields: true}}
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
  - name: backend
    type: STATIC
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {{http2_protocol_options: {{}}}}
    load_assignment:
      cluster_name: backend
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {backend}}}}}}}
"""


def start_envoy(backend, folder, name="envoy", filters="", timeout="60s"):
    port = free_port()
    config = folder / f"{name}.yaml"
    text = ENVOY_CONFIG.format(port=port, backend=backend.port, descriptors=RELEASE / "share/bench.pb", filters=filters, timeout=timeout)
    config.write_text(text, encoding="utf-8")
    command = [DEPS / "venv/bin/envoy", "-c", config, "--concurrency", "1", "--log-level", "error", "--disable-hot-restart"]
    return start(name, port, command, folder)


GO_MODULE = HERE / "grpc_gateway"
GO_TOOLS = DEPS / "bin"
GO_PACKAGE = "stratus.dev/bench/grpcgateway/gen"
GO_PLUGINS = (
    "github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-grpc-gateway",
    "google.golang.org/grpc/cmd/protoc-gen-go-grpc",
    "google.golang.org/protobuf/cmd/protoc-gen-go",
)


def run_go(*arguments):
    env = {**os.environ, "GOBIN": str(GO_TOOLS)}
    subprocess.run([os.environ.get("STRATUS_GO", "go"), *map(str, arguments)], cwd=GO_MODULE, env=env, check=True)


def generate_go(root, services, messages=()):
    """Go code of protos below `root`: with clients and a gateway for `services`, without for `messages`."""
    run_go("install", *GO_PLUGINS)
    gen = GO_MODULE / "gen"
    gen.mkdir(exist_ok=True)
    known = {str(path.relative_to(root)) for path in root.rglob("*.proto")} | set(messages)
    packages = [f"M{proto}={GO_PACKAGE}/{proto.rsplit('/', 1)[0]}" for proto in sorted(known)]
    options = ",".join([f"module={GO_PACKAGE}", *packages])
    protoc = ["protoc", f"-I{root}", f"-I{ROOT / 'proto'}", f"-I{DEPS / 'proto'}"]
    outputs = [[f"--{kind}_out={gen}", f"--{kind}_opt={options}"] for kind in ("go", "go-grpc", "grpc-gateway")]
    run_protoc([*protoc, *sum(outputs, []), *services])
    if messages:
        run_protoc([*protoc, *outputs[0], *messages])


def run_protoc(command):
    env = {**os.environ, "PATH": f"{GO_TOOLS}:{os.environ['PATH']}"}
    done = subprocess.run(command, env=env, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr[-500:]}")


def build_go(name, package):
    """Returns the binary's path."""
    binary = GO_TOOLS / name
    run_go("build", "-o", binary, package)
    return binary


def build_grpc_gateway():
    """Generates and builds the grpc-gateway peer."""
    generate_go(HERE / "proto", ["stratus/bench/v1/bench.proto"], ["stratus/auth/v1/authorization.proto"])
    build_go("grpc_gateway", ".")


def start_grpc_gateway(backend, folder):
    port = free_port()
    command = [DEPS / "bin/grpc_gateway", f"127.0.0.1:{port}", f"127.0.0.1:{backend.port}"]
    return start("grpc-gateway", port, command, folder, env={"GOMAXPROCS": "1"})


def start_nghttpx(backend, folder):
    """Forwards gRPC as it is: the floor of what a proxy has to spend."""
    port = free_port()
    command = [
        "nghttpx",
        "--conf=/dev/null",
        f"--frontend=127.0.0.1,{port};no-tls",
        f"--backend=127.0.0.1,{backend.port};;proto=h2",
        "--workers=1",
        "--single-process",
        "--accesslog-file=/dev/null",
        "--no-server-rewrite",
    ]
    return start("nghttpx", port, command, folder)
