#!/usr/bin/env python3
"""Goodput at five times what a service can take: this gateway, and Envoy with each of its two ways to shed load.

usage: overload_bench.py [--seconds=20] [--rounds=3]

The service answers 800 calls a second, 100 at a time of 125 ms each, and queues what comes beyond. Clients give up after a
second: the gateways' timeout is that, and a later reply is no use. Load comes at a fixed rate, whatever becomes of it (h2load
--rps). The peak is the goodput at nine tenths of what the service can take. Replies of the first three seconds do not count.
"""

import argparse
import collections
import pathlib
import statistics
import subprocess
import tempfile
from dataclasses import dataclass

import peers

WORKERS, SECONDS = 100, 0.125
CAPACITY = int(WORKERS / SECONDS)
DEADLINE_US = 1_000_000
WARM_SECONDS = 3
CONNECTIONS = 50

ADMISSION_CONTROL = """
          - name: envoy.filters.http.admission_control
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.admission_control.v3.AdmissionControl
              enabled: {default_value: true, runtime_key: admission.enabled}
              sampling_window: 10s
              success_criteria:
                http_criteria: {http_success_status: [{start: 100, end: 500}]}
                grpc_criteria: {grpc_success_status: [0]}"""
ADAPTIVE_CONCURRENCY = """
          - name: envoy.filters.http.adaptive_concurrency
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.adaptive_concurrency.v3.AdaptiveConcurrency
              enabled: {default_value: true, runtime_key: adaptive.enabled}
              gradient_controller_config:
                sample_aggregate_percentile: {value: 50}
                concurrency_limit_params: {concurrency_update_interval: 0.1s}
                min_rtt_calc_params: {interval: 30s, request_count: 50, jitter: {value: 10}}"""


@dataclass
class Figures:
    good: float  # replies in time, a second
    refused: float
    p50_ms: float  # of the good ones
    p99_ms: float
    refusal_ms: float  # the median


def press(target, rate, seconds, folder):
    """Figures of a load of so many calls a second."""
    log = folder / "overload.tsv"
    log.unlink(missing_ok=True)
    command = ["taskset", "-c", peers.LOAD_CPU, "h2load", "-c", CONNECTIONS, "-m", 100, "-t", 1, "-D", seconds + WARM_SECONDS]
    command += [f"--rps={rate / CONNECTIONS}", f"--log-file={log}", "-H", "grpc-timeout: 1S"]
    subprocess.run([*map(str, command), f"http://127.0.0.1:{target.port}/bench/v1/small/x"], capture_output=True, timeout=600, check=True)
    rows = [tuple(map(int, line.split("\t")[:3])) for line in log.read_text().splitlines()]
    first = min(start for start, _, _ in rows) + WARM_SECONDS * 1_000_000
    rows = [(status, took) for start, status, took in rows if start >= first]
    good = sorted(took / 1000 for status, took in rows if status == 200 and took <= DEADLINE_US)
    refused = [took / 1000 for status, took in rows if status == 503]
    print(f"    {target.name} at {rate}/s: {dict(collections.Counter(status for status, _ in rows))}", flush=True)
    return Figures(
        good=len(good) / seconds,
        refused=len(refused) / seconds,
        p50_ms=good[len(good) // 2] if good else 0,
        p99_ms=good[int(len(good) * 0.99)] if good else 0,
        refusal_ms=statistics.median(refused) if refused else 0,
    )


TARGETS = {
    "stratus": peers.start_stratus,
    "envoy": lambda backend, folder: peers.start_envoy(backend, folder, "envoy", timeout="1s"),
    "envoy, admission control": lambda backend, folder: peers.start_envoy(
        backend, folder, "envoy-admission", ADMISSION_CONTROL, timeout="1s"
    ),
    "envoy, adaptive concurrency": lambda backend, folder: peers.start_envoy(
        backend, folder, "envoy-adaptive", ADAPTIVE_CONCURRENCY, timeout="1s"
    ),
}


def measure(start, seconds, folder):
    """Peak and overload of one gateway; a new service for each, so that none inherits the queue of another."""
    backend = peers.start_slow_backend(folder, "GetSmall", WORKERS, SECONDS)
    try:
        target = start(backend, folder)
        try:
            return [press(target, int(CAPACITY * times), seconds, folder) for times in (0.9, 5)]
        finally:
            target.stop()
    finally:
        backend.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="gateways whose name begins so")
    options = parser.parse_args()
    rounds = {name: [] for name in TARGETS if name.startswith(options.only)}
    with tempfile.TemporaryDirectory() as temporary:
        for _ in range(options.rounds):
            for name, samples in rounds.items():
                samples.append(measure(TARGETS[name], options.seconds, pathlib.Path(temporary)))
    print(f"{'gateway':<28} {'peak/s':>7} {'5x: good/s':>10} {'of peak':>8} {'p50 ms':>7} {'p99 ms':>7} {'503/s':>7} {'503 ms':>7}")
    for name, samples in rounds.items():
        peak = statistics.median(one[0].good for one in samples)
        over = {key: statistics.median(getattr(one[1], key) for one in samples) for key in vars(samples[0][1])}
        print(
            f"{name:<28} {peak:>7.0f} {over['good']:>10.0f} {over['good'] / peak if peak else 0:>8.0%} {over['p50_ms']:>7.0f} "
            f"{over['p99_ms']:>7.0f} {over['refused']:>7.0f} {over['refusal_ms']:>7.1f}"
        )


if __name__ == "__main__":
    main()
