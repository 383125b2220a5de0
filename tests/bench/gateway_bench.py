#!/usr/bin/env python3
"""This gateway, Envoy, grpc-gateway and nghttpx in front of one gRPC backend, in interleaved rounds of one run.

usage: gateway_bench.py [--rounds=5] [--scale=1.0] [--only=TEXT]

One worker thread each, on a core of its own; load (h2load) and backend share the other core. CPU is the gateway process's
own, from /proc. Figures are medians over the rounds. All gateways print default values, so that all write the same JSON.
The load is 64 connections over HTTP/1.1, or 8 connections of 8 streams over h2c, so that the other core is never idle: the
price of waking an idle virtual core would else be measured, which is the same for all. The rows "8 conn." show that too.
"""

import argparse
import json
import pathlib
import statistics
import tempfile
import urllib.request
from dataclasses import dataclass

import load
import peers


@dataclass(frozen=True)
class Work:
    name: str
    path: str
    requests: int  # a round
    body_from: str | None = None  # POSTs the reply of this path
    clients: int = 64
    streams: int = 0  # 0: HTTP/1.1
    grpc: bool = False  # sends a gRPC call, for what forwards it as it is


SMALL = "/bench/v1/small/x"
ROWS = "/bench/v1/rows?count="
STREAM = "/bench/v1/stream?count="
CALL = "/stratus.bench.v1.BenchService/GetSmall"
# A gRPC frame around GetSmallRequest{id: "x"}.
CALL_BODY = b"\0\0\0\0\x03\x0a\x01x"
CALL_HEADERS = ("content-type: application/grpc", "te: trailers")

WORK = [
    Work("GET 250 B", SMALL, 40000),
    Work("GET 250 B, h2c", SMALL, 40000, clients=8, streams=8),
    Work("GET 250 B, 8 conn.", SMALL, 20000, clients=8),
    Work("GET 3 KB", ROWS + "24", 20000),
    Work("GET 3 KB, h2c", ROWS + "24", 20000, clients=8, streams=8),
    Work("GET 3 KB, 8 conn.", ROWS + "24", 10000, clients=8),
    Work("GET 20 KB", ROWS + "168", 4000),
    Work("GET 20 KB, h2c", ROWS + "168", 4000, clients=8, streams=8),
    Work("GET 120 KB", ROWS + "1000", 1000, clients=8),
    Work("GET 120 KB, h2c", ROWS + "1000", 1000, clients=2, streams=4),
    Work("POST 3 KB", "/bench/v1/echo", 20000, body_from=ROWS + "24"),
    Work("POST 3 KB, h2c", "/bench/v1/echo", 20000, body_from=ROWS + "24", clients=8, streams=8),
    Work("stream of 100", STREAM + "100", 1000, clients=8),
    Work("stream of 100, h2c", STREAM + "100", 1000, clients=2, streams=4),
    Work("stream of 1000", STREAM + "1000", 200, clients=8),
    Work("gRPC as it is", CALL, 40000, clients=8, streams=8, grpc=True),
]


def fetch(target, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{target.port}{path}", timeout=20) as reply:
        return reply.read()


def check_same_answers(targets):
    """A gateway that answers something else would be measured at other work."""
    for path in {work.path for work in WORK if work.path.startswith(("/bench/v1/small", "/bench/v1/rows"))}:
        answers = {t.name: json.loads(fetch(t, path)) for t in targets}
        first = next(iter(answers.values()))
        for who, answer in answers.items():
            if answer != first:
                raise RuntimeError(f"{who} answers {path} differently: {str(answer)[:200]} / {str(first)[:200]}")


def able(work, targets):
    """grpc-gateway knows no gRPC, nghttpx nothing else."""
    wrong = "grpc-gateway" if work.grpc else "nghttpx"
    return [t for t in targets if t.name != wrong]


def body_file(work, targets, folder):
    body = folder / "body"
    if work.grpc:
        body.write_bytes(CALL_BODY)
    elif work.body_from:
        body.write_bytes(fetch(targets[0], work.body_from))
    else:
        return None
    return body


def measure(work, targets, rounds, scale, folder):
    """Target's name -> the figures of each round."""
    headers = CALL_HEADERS if work.grpc else ()
    options = {"body": body_file(work, targets, folder), "headers": headers, "clients": work.clients, "streams": work.streams}
    count = max(200, int(work.requests * scale))
    for target in targets:
        load.run(target, work.path, max(200, count // 5), folder, **options)  # warm-up
    results = {target.name: [] for target in targets}
    for _ in range(rounds):
        for target in targets:
            results[target.name].append(load.run(target, work.path, count, folder, **options))
    return results


def median(samples, attribute):
    return statistics.median(getattr(s, attribute) for s in samples)


def ratio(results, attribute):
    """Ours over the best transcoding peer's, as `1/4.0`, or `1.20` where ours is more."""
    ours = median(results["stratus"], attribute)
    peers_best = min(median(samples, attribute) for name, samples in results.items() if name in ("envoy", "grpc-gateway"))
    return f"1/{peers_best / ours:.1f}" if ours < peers_best else f"{ours / peers_best:.2f}"


HEAD = f"{'work':<19} {'gateway':<13} {'CPU us/req':>10} {'/best':>7} {'req/s':>9} {'p50 us':>8} {'p99 us':>8} {'/best':>7} {'RSS MiB':>8}"


def report(work, results):
    for name, samples in results.items():
        ours = name == "stratus"
        print(
            f"{work.name:<19} {name:<13} {median(samples, 'cpu_us'):>10.1f} {ratio(results, 'cpu_us') if ours else '':>7} "
            f"{median(samples, 'per_second'):>9.0f} {median(samples, 'p50_us'):>8.0f} {median(samples, 'p99_us'):>8.0f} "
            f"{ratio(results, 'p99_us') if ours else '':>7} {median(samples, 'rss_mib'):>8.1f}",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--only", default="", help="rows whose name begins so")
    options = parser.parse_args()
    peers.build_grpc_gateway()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        running = []
        try:
            backend = peers.start_backend(folder)
            running.append(backend)
            targets = []
            for starter in (peers.start_stratus, peers.start_envoy, peers.start_grpc_gateway, peers.start_nghttpx):
                targets.append(starter(backend, folder))
                running.append(targets[-1])
            check_same_answers([t for t in targets if t.name != "nghttpx"])
            print(HEAD)
            for work in WORK:
                if work.name.startswith(options.only):
                    report(work, measure(work, able(work, targets), options.rounds, options.scale, folder))
        finally:
            for program in reversed(running):
                program.stop()


if __name__ == "__main__":
    main()
