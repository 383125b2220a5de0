#!/usr/bin/env python3
"""What tracing costs the gateway: without it, with nothing sampled, and with 5 % sampled and sent to a daemon by UDP.

usage: tracing_bench.py [--rounds=15] [--requests=30000] [--gateway=PATH]

One build, the small GET of ./dev bench gateway, one worker thread on a core of its own; load and backend share the other.
The daemon is a socket that nobody reads: what it would cost is not the gateway's, but the kernel's work of bringing a
datagram to it is, as there is no other machine. CPU is the gateway process's own, the exporter's thread included.

Each round starts each gateway anew and in another order, and compares within itself; the figures are medians over the
rounds. A process keeps what its place in memory makes of it: of two that were started alike one was up to 4 % slower than
the other through all rounds, more than what is measured here. And the machine's speed differs from minute to minute.

Requests/s are those of the whole: here the other core is the one that is busy, so that they show what load and backend
have to do with the headers of a trace, too. Requests/s a core of the gateway are one over its CPU.
"""

import argparse
import json
import pathlib
import socket
import statistics
import tempfile

import load
import peers

SMALL = "/bench/v1/small/x"
CLIENTS = 64
RATES = {"off": None, "0 %": 0.0, "5 %": 0.05}  # None: no tracing


def rules(rate):
    """A local rules file as the X-Ray SDKs have it: that share of the calls, and no reservoir."""
    return json.dumps({"version": 2, "default": {"fixed_target": 0, "rate": rate}, "rules": []})


def start(name, backend, folder, gateway=None, daemon=None, rate=0.0):
    env = {}
    if daemon:
        path = folder / f"{name}.rules.json"
        path.write_text(rules(rate))
        env = {"AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}", "STRATUS_SAMPLING_RULES": str(path)}
    return peers.start_stratus(backend, folder, name=name, env=env, gateway=gateway)


def measure(name, backend, folder, daemon, options):
    rate = RATES[name]
    target = start(name, backend, folder, options.gateway, *(() if rate is None else (daemon, rate)))
    try:
        load.run(target, SMALL, options.requests // 3, folder, clients=CLIENTS)  # warm-up
        return load.run(target, SMALL, options.requests, folder, clients=CLIENTS)
    finally:
        target.stop()


def spread(values, form):
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:{form}} ({low:{form}} to {high:{form}})"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--requests", type=int, default=30000)
    parser.add_argument("--gateway", type=pathlib.Path, help="another build's stratus-gateway")
    options = parser.parse_args()
    samples = []
    with tempfile.TemporaryDirectory() as temporary, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        folder = pathlib.Path(temporary)
        daemon.bind(("127.0.0.1", 0))
        backend = peers.start_backend(folder)
        try:
            for number in range(options.rounds):
                names = list(RATES)[number % len(RATES) :] + list(RATES)[: number % len(RATES)]
                samples.append({name: measure(name, backend, folder, daemon, options) for name in names})
        finally:
            backend.stop()
    print(f"{'sampled':<8} {'CPU us/req':>10} {'ns more, and quartiles':>24} {'more':>25} {'req/s':>7} {'less':>24}")
    for name in RATES:
        cpu, rate = (statistics.median(getattr(s[name], f) for s in samples) for f in ("cpu_us", "per_second"))
        extra = spread([(s[name].cpu_us - s["off"].cpu_us) * 1000 for s in samples], ".0f")
        more = spread([s[name].cpu_us / s["off"].cpu_us - 1 for s in samples], ".1%")
        less = spread([1 - s[name].per_second / s["off"].per_second for s in samples], ".1%")
        print(f"{name:<8} {cpu:>10.2f} {extra:>24} {more:>25} {rate:>7.0f} {less:>24}")


if __name__ == "__main__":
    main()
