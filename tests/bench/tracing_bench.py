#!/usr/bin/env python3
"""What tracing costs the gateway: without it, with nothing sampled, and with 5 % sampled and sent to a daemon by UDP.

usage: tracing_bench.py [--rounds=9] [--requests=40000]

One build, the small GET of ./dev bench gateway, one worker thread on a core of its own; load and backend share the other.
The daemon is a socket that nobody reads: what it would cost is not the gateway's. CPU is the gateway process's own, the
exporter's thread included. Figures are medians over interleaved rounds.
"""

import argparse
import contextlib
import json
import pathlib
import socket
import statistics
import tempfile

import load
import peers

SMALL = "/bench/v1/small/x"
CLIENTS = 64


def rules(rate):
    """A local rules file as the X-Ray SDKs have it: that share of the calls, and no reservoir."""
    return json.dumps({"version": 2, "default": {"fixed_target": 0, "rate": rate}, "rules": []})


def start(name, backend, folder, daemon=None, rate=0.0):
    env = {}
    if daemon:
        path = folder / f"{name}.rules.json"
        path.write_text(rules(rate))
        env = {"AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}", "STRATUS_SAMPLING_RULES": str(path)}
    return peers.start_stratus(backend, folder, name=name, env=env)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--requests", type=int, default=40000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        folder = pathlib.Path(temporary)
        daemon.bind(("127.0.0.1", 0))
        with contextlib.ExitStack() as running:
            backend = peers.start_backend(folder)
            running.callback(backend.stop)
            targets = [
                start("off", backend, folder),
                start("0 %", backend, folder, daemon, 0.0),
                start("5 %", backend, folder, daemon, 0.05),
            ]
            for target in targets:
                running.callback(target.stop)
                load.run(target, SMALL, options.requests // 4, folder, clients=CLIENTS)  # warm-up
            samples = {target.name: [] for target in targets}
            for _ in range(options.rounds):
                for target in targets:
                    samples[target.name].append(load.run(target, SMALL, options.requests, folder, clients=CLIENTS))
    print(f"{'sampled':<8} {'CPU us/req':>10} {'more':>7} {'req/s':>9} {'less':>7}")
    cpu_off, rate_off = (statistics.median(getattr(s, f) for s in samples["off"]) for f in ("cpu_us", "per_second"))
    for name, taken in samples.items():
        cpu, rate = (statistics.median(getattr(s, f) for s in taken) for f in ("cpu_us", "per_second"))
        print(f"{name:<8} {cpu:>10.2f} {cpu / cpu_off - 1:>7.1%} {rate:>9.0f} {1 - rate / rate_off:>7.1%}")


if __name__ == "__main__":
    main()
