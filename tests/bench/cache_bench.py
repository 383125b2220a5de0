#!/usr/bin/env python3
"""What an authorized GET costs that needs no service, and what checking its token adds to one that does.

usage: cache_bench.py [--rounds=5] [--requests=40000]

1. The weather call answered from the gateway's reply cache, beside a Go net/http service that answers the same bytes with the
   same headers from memory, tokens verified once and cached by both; and beside the floor: this gateway's connections alone,
   which answer the same bytes and look at nothing (gateway/http/hello_server.cc).
2. The small GET of ./dev bench gateway with and without the token check, the same request for both.

One worker thread each, on a core of its own; load (h2load, HTTP/1.1 keep-alive) and backends share the other core. CPU is the
measured process's own, from /proc. Figures are medians over interleaved rounds.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import urllib.request

import load
import peers
import weather_bench

WEATHER = "/v1/weather:today"
SMALL = "/bench/v1/small/x"
CLAIMS = {"client_id": "bench", "scope": "stratus/weather.read", "ttl_seconds": 3600}
# What the gateway says on every reply beside these is made anew each time: date, content-length, x-request-id, age.
SAME_HEADERS = ("content-type", "etag", "cache-control", "vary", "x-request-id", "age")


def build_memory_server():
    binary = peers.DEPS / "bin/memory_server"
    go = os.environ.get("STRATUS_GO", "go")
    subprocess.run([go, "build", "-o", binary, "."], cwd=peers.HERE / "memory_server", check=True)
    return binary


def start_weather(folder, env):
    port = peers.free_port()
    command = [peers.RELEASE / "bin/stratus-weather", f"--listen=127.0.0.1:{port}", "--admin-listen=127.0.0.1:0"]
    return peers.start("weather", port, command, folder, cpu=peers.LOAD_CPU, env=env)


def start_gateway(name, upstream, descriptors, auth, folder, env):
    port = peers.free_port()
    command = [
        peers.RELEASE / "bin/stratus-gateway",
        f"--listen=127.0.0.1:{port}",
        "--admin-listen=127.0.0.1:0",
        f"--upstream=127.0.0.1:{upstream.port}",
        f"--descriptors={peers.RELEASE / 'share' / descriptors}",
        f"--auth={auth}",
        "--threads=1",
        "--access-log=off",
    ]
    return peers.start(name, port, command, folder, env=env)


def get(target, path, bearer):
    request = urllib.request.Request(f"http://127.0.0.1:{target.port}{path}", headers={"Authorization": bearer})
    with urllib.request.urlopen(request, timeout=20) as reply:
        return {k.lower(): v for k, v in reply.headers.items()}, reply.read()


def refuses_strangers(target, path, bearer):
    head, body, signature = bearer.split(".")
    try:
        get(target, path, f"{head}.{body}.{signature[:-8]}AAAAAAAA")
    except urllib.error.HTTPError as error:
        return error.code == 401
    return False


def start_memory_server(folder, sandbox, issuer, headers, body):
    """The Go peer, with what the gateway answered."""
    with urllib.request.urlopen(f"{issuer}/.well-known/jwks.json", timeout=10) as reply:
        (folder / "jwks.json").write_bytes(reply.read())
    pairs = [[name, headers[name]] for name in SAME_HEADERS if name in headers]
    # Told beforehand, it need not count nor write chunks.
    pairs.append(["content-length", str(len(body))])
    (folder / "headers.json").write_text(json.dumps(pairs))
    (folder / "body.json").write_bytes(body)
    port = peers.free_port()
    command = [peers.DEPS / "bin/memory_server", f"127.0.0.1:{port}", folder / "jwks.json", issuer]
    command += [CLAIMS["client_id"], CLAIMS["scope"], WEATHER, folder / "headers.json", folder / "body.json"]
    return peers.start("go", port, command, folder, env={"GOMAXPROCS": "1"})


def start_floor(folder):
    port = peers.free_port()
    return peers.start("floor", port, [peers.RELEASE / "bench/hello_server", f"127.0.0.1:{port}", "1", folder / "body.json"], folder)


def rounds(targets, path, clients, options, folder):
    """Median figures by target's name."""
    samples = {name: [] for name in targets}
    for target, headers in targets.values():
        load.run(target, path, max(200, options.requests // 5), folder, clients=clients, headers=headers)  # warm-up
    for _ in range(options.rounds):
        for name, (target, headers) in targets.items():
            samples[name].append(load.run(target, path, options.requests, folder, clients=clients, headers=headers))
    fields = load.Figures.__dataclass_fields__
    return {name: {f: statistics.median(getattr(s, f) for s in taken) for f in fields} for name, taken in samples.items()}


def print_row(what, clients, name, figures, note=""):
    print(
        f"{what:<26} {clients:>7} {name:<14} {figures['cpu_us']:>10.2f} {figures['per_second']:>9.0f} "
        f"{figures['p50_us']:>8.0f} {figures['p99_us']:>8.0f} {note}"
    )


def measure_cache(options, folder, sandbox, issuer, bearer, running):
    env = weather_bench.environment(sandbox, issuer, True)
    weather = start_weather(folder, env)
    running.append(weather)
    ours = start_gateway("stratus", weather, "stratus.pb", "cognito", folder, env)
    running.append(ours)
    weather_bench.wait_for_answer(ours, bearer, WEATHER)
    headers, body = get(ours, WEATHER, bearer)
    if "age" not in headers:
        raise RuntimeError(f"the gateway did not answer from its cache: {headers}")
    go = start_memory_server(folder, sandbox, issuer, headers, body)
    running.append(go)
    running.append(start_floor(folder))
    if get(go, WEATHER, bearer)[1] != body:
        raise RuntimeError("the peer answers something else")
    for target in (ours, go):
        if not refuses_strangers(target, WEATHER, bearer):
            raise RuntimeError(f"{target.name} lets anyone in")
    sent = [f"authorization: {bearer}"]
    targets = {"floor": (running[-1], sent), "stratus": (ours, sent), "go": (go, sent)}
    for clients in options.clients:
        results = rounds(targets, WEATHER, clients, options, folder)
        what = f"weather, {len(body)} B, kept"
        for name, figures in results.items():
            note = f"{figures['cpu_us'] / results['go']['cpu_us']:.2f} of Go's" if name == "stratus" else ""
            print_row(what, clients, name, figures, note)


def measure_check(options, folder, sandbox, issuer, bearer, running):
    env = weather_bench.environment(sandbox, issuer, True)
    backend = peers.start_backend(folder)
    running.append(backend)
    targets = {}
    for auth in ("off", "cognito"):
        gateway = start_gateway(f"auth={auth}", backend, "bench.pb", auth, folder, env)
        running.append(gateway)
        weather_bench.wait_for_answer(gateway, bearer, SMALL)
        targets[gateway.name] = (gateway, [f"authorization: {bearer}"])
    for clients in options.clients:
        results = rounds(targets, SMALL, clients, options, folder)
        for name, figures in results.items():
            note = f"{figures['cpu_us'] / results['auth=off']['cpu_us']:.3f} of that without" if name == "auth=cognito" else ""
            print_row("GET 250 B, from a service", clients, name, figures, note)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=40000)
    parser.add_argument("--clients", type=int, nargs="+", default=[8, 64])
    parser.add_argument("--only", choices=["cache", "check"])
    options = parser.parse_args()
    os.environ.pop("REDIS_URL", None)
    build_memory_server()
    weather_bench.CLAIMS.update(CLAIMS)
    print(f"{'work':<26} {'clients':>7} {'who':<14} {'CPU us/req':>10} {'req/s':>9} {'p50 us':>8} {'p99 us':>8}")
    parts = {"cache": measure_cache, "check": measure_check}
    for name, part in parts.items():
        if options.only not in (None, name):
            continue
        with tempfile.TemporaryDirectory() as temporary:
            folder = pathlib.Path(temporary)
            running = [weather_bench.start_sandbox(folder)]
            sandbox = running[0]
            try:
                bearer = f"Bearer {weather_bench.token(sandbox)}"
                part(options, folder, sandbox, weather_bench.discover_issuer(sandbox), bearer, running)
            finally:
                for program in reversed(running):
                    program.stop()


if __name__ == "__main__":
    main()
