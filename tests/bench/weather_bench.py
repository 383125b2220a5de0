#!/usr/bin/env python3
"""The authenticated weather call end to end: stratusd (gateway and service in one process) beside FastAPI.

usage: weather_bench.py [--rounds=5] [--requests=20000]

Both verify the same tokens of the same issuer and ask the same stand-in for OpenWeather. Two figures: neither side keeps
the upstream's answer, and both keep it, ours at the door. Requests a second per core are requests by CPU second of the process.
"""

import argparse
import json
import os
import pathlib
import statistics
import tempfile
import time
import urllib.request

import load
import peers

PATH = "/api/v1/get-today-weather"
# A token as the original's clients have it.
CLAIMS = {"client_id": "bench", "scope": "test/weatherforcastapi", "ttl_seconds": 3600}
API_KEY = "sandbox"  # the one that the sandbox takes


def start_sandbox(folder):
    port = peers.free_port()
    command = [
        peers.RELEASE / "bin/stratus-sandbox",
        f"--listen=127.0.0.1:{port}",
        "--profile=development",
        f"--ready-file={folder / 'sandbox.ready.json'}",
    ]
    sandbox = peers.start("sandbox", port, command, folder, cpu=peers.LOAD_CPU)
    wait_for_file(folder / "sandbox.ready.json")  # its port is open before its keys are made
    return sandbox


def wait_for_file(path):
    deadline = time.monotonic() + 20
    while not path.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path.name} was not written in time")
        time.sleep(0.02)


def discover_issuer(sandbox):
    """The issuer is what its tokens say it is."""
    import base64

    payload = token(sandbox).split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["iss"]


def token(sandbox):
    request = urllib.request.Request(
        f"http://127.0.0.1:{sandbox.port}/admin/token",
        data=json.dumps(CLAIMS).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as reply:
        return json.load(reply)["access_token"]


def environment(sandbox, issuer, caching):
    return {
        "COGNITO_ISSUER": issuer,
        "COGNITO_APP_CLIENT_ID": CLAIMS["client_id"],
        "OPEN_WEATHER_DOMAIN": f"http://127.0.0.1:{sandbox.port}/data",
        "OPEN_WEATHER_API_VERSION": "2.5",
        "OPEN_WEATHER_API_KEY": API_KEY,
        "COORD_LATITUDE": "21.0278",
        "COORD_LONGITUDE": "105.8342",
        "WEATHER_CACHE_SECONDS": "600" if caching else "0",
    }


def start_stratus(folder, env):
    port = peers.free_port()
    command = [
        peers.RELEASE / "bin/stratusd",
        f"--listen=127.0.0.1:{port}",
        "--admin-listen=127.0.0.1:0",
        "--profile=development",
        f"--data-dir={folder / 'data'}",
        f"--descriptors={peers.RELEASE / 'share/stratus.pb'}",
        "--threads=1",
        "--access-log=off",
    ]
    return peers.start("stratus", port, command, folder, env=env)


def start_fastapi(folder, env):
    port = peers.free_port()
    command = [
        peers.DEPS / "venv/bin/uvicorn",
        f"--app-dir={pathlib.Path(__file__).parent}",
        f"--port={port}",
        "--workers=1",
        "--no-access-log",
        "--log-level=warning",
        "fastapi_app:app",
    ]
    return peers.start("fastapi", port, command, folder, env={**env, "PYTHONDONTWRITEBYTECODE": "1"})


def wait_for_answer(target, bearer, path=PATH):
    """Ready means that it answers the call itself."""
    deadline = time.monotonic() + 20
    while True:
        try:
            request = urllib.request.Request(f"http://127.0.0.1:{target.port}{path}", headers={"Authorization": bearer})
            urllib.request.urlopen(request, timeout=10).read()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def measure(caching, rounds, requests, folder):
    sandbox = start_sandbox(folder)
    running = [sandbox]
    try:
        bearer = f"Bearer {token(sandbox)}"
        env = environment(sandbox, discover_issuer(sandbox), caching)
        targets = [start_stratus(folder, env), start_fastapi(folder, env)]
        running += targets
        for target in targets:
            wait_for_answer(target, bearer)
        headers = [f"authorization: {bearer}"]
        results = {t.name: [] for t in targets}
        for target in targets:
            load.run(target, PATH, max(100, requests // 10), folder, headers=headers)
        for _ in range(rounds):
            for target in targets:
                results[target.name].append(load.run(target, PATH, requests, folder, headers=headers))
        return results
    finally:
        for program in reversed(running):
            program.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=4000)
    options = parser.parse_args()
    os.environ.pop("REDIS_URL", None)
    columns = ("CPU us/req", "req/s/core", "req/s", "p50 us", "p99 us", "RSS MiB")
    print(f"{'upstream answer':<16} {'stack':<9} " + " ".join(f"{c:>10}" for c in columns))
    for caching in (False, True):
        with tempfile.TemporaryDirectory() as temporary:
            results = measure(caching, options.rounds, options.requests, pathlib.Path(temporary))
        cost = {}
        for name, samples in results.items():
            medians = {f: statistics.median(getattr(s, f) for s in samples) for f in load.Figures.__dataclass_fields__}
            cost[name] = medians["cpu_us"]
            row = [medians["cpu_us"], 1e6 / medians["cpu_us"]]
            row += [medians[f] for f in ("per_second", "p50_us", "p99_us", "rss_mib")]
            print(f"{'kept' if caching else 'asked each time':<16} {name:<9} " + " ".join(f"{v:>10.1f}" for v in row))
        print(f"{'':<16} stratus serves {cost['fastapi'] / cost['stratus']:.1f} times as many requests a second per core")


if __name__ == "__main__":
    main()
