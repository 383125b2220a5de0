#!/usr/bin/env python3
"""This gateway, Envoy and grpc-gateway in front of one gRPC backend, in interleaved rounds of one run.

usage: gateway_bench.py [--rounds=5] [--scale=1.0]

One worker thread each, on a core of its own; load (h2load, 8 connections, HTTP/1.1) and backend share the other core. CPU
is the gateway process's own, from /proc. Figures are medians over the rounds. All gateways print default values, so that
all write the same JSON.
"""

import argparse
import json
import pathlib
import statistics
import tempfile
import urllib.request

import load
import peers

WORK = [
    # name, path, requests a round, POST body from the reply of this path
    ("GET 250 B", "/bench/v1/small/x", 20000, None),
    ("GET 3 KB", "/bench/v1/rows?count=24", 10000, None),
    ("GET 20 KB", "/bench/v1/rows?count=168", 4000, None),
    ("GET 120 KB", "/bench/v1/rows?count=1000", 1000, None),
    ("POST 3 KB", "/bench/v1/echo", 10000, "/bench/v1/rows?count=24"),
    ("stream of 100", "/bench/v1/stream?count=100", 1000, None),
]


def fetch(target, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{target.port}{path}", timeout=20) as reply:
        return reply.read()


def check_same_answers(targets):
    """A gateway that answers something else would be measured at other work."""
    for name, path, _, _ in WORK:
        if name.startswith("GET"):
            answers = {t.name: json.loads(fetch(t, path)) for t in targets}
            first = next(iter(answers.values()))
            for who, answer in answers.items():
                if answer != first:
                    raise RuntimeError(f"{who} answers {path} differently: {str(answer)[:200]} / {str(first)[:200]}")


def measure(targets, rounds, scale, folder):
    results = {}
    for name, path, requests, body_from in WORK:
        body = None
        if body_from:
            body = folder / "body.json"
            body.write_bytes(fetch(targets[0], body_from))
        count = max(200, int(requests * scale))
        for target in targets:
            load.run(target, path, max(200, count // 5), folder, body=body)  # warm-up
        for _ in range(rounds):
            for target in targets:
                results.setdefault((name, target.name), []).append(load.run(target, path, count, folder, body=body))
    return results


def median(samples, attribute):
    return statistics.median(getattr(s, attribute) for s in samples)


def report(results, targets):
    print(f"{'work':<14} {'gateway':<13} {'CPU us/req':>10} {'req/s':>9} {'p50 us':>8} {'p99 us':>8} {'RSS MiB':>8} {'ours/best':>10}")
    for name, *_ in WORK:
        best = min(median(results[name, t.name], "cpu_us") for t in targets if t.name != "stratus")
        for target in targets:
            samples = results[name, target.name]
            cpu = median(samples, "cpu_us")
            ratio = f"1/{best / cpu:.1f}" if target.name == "stratus" else ""
            print(
                f"{name:<14} {target.name:<13} {cpu:>10.1f} {median(samples, 'per_second'):>9.0f} "
                f"{median(samples, 'p50_us'):>8.0f} {median(samples, 'p99_us'):>8.0f} {median(samples, 'rss_mib'):>8.1f} {ratio:>10}"
            )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0)
    options = parser.parse_args()
    peers.build_grpc_gateway()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        running = []
        try:
            backend = peers.start_backend(folder)
            running.append(backend)
            targets = []
            for starter in (peers.start_stratus, peers.start_envoy, peers.start_grpc_gateway):
                targets.append(starter(backend, folder))
                running.append(targets[-1])
            check_same_answers(targets)
            report(measure(targets, options.rounds, options.scale, folder), targets)
        finally:
            for program in reversed(running):
                program.stop()


if __name__ == "__main__":
    main()
