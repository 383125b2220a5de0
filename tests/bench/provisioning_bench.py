#!/usr/bin/env python3
"""Runs of a small module: through the platform, by the original's flow, and by the bare engine, in one run.

usage: provisioning_bench.py [--rounds=3] [--runs=24]

- stratus: `POST /note?stack=...` at the door of stratusd, tokens checked, state in its store, each run in its sandbox.
- not isolated: the same with --isolation=off; the difference is what isolation costs a run.
- init+apply+output: what a simple wrapper does for each call, in the folder of the stack.
- apply: `tofu apply` alone, in a folder that was initialised before: what no platform can be quicker than.

Each at 1 and at 4 calls at a time, each worker with a stack (or folder) of its own, a title of its own each time. Medians over the
interleaved rounds.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time
import urllib.request

import peers

MODULE = peers.ROOT / "services/provisioning/modules/note"
TOFU = peers.DEPS / "bin/tofu"
SCOPES = "stratus/stacks.create stratus/stacks.update"


class Bare:
    """The engine in a folder a worker, with the steps that `call` takes."""

    def __init__(self, name, folder, workers, each_time):
        self.name = name
        self.each_time = each_time
        self.folders = []
        for worker in range(workers):
            place = folder / f"{name}-{worker}"
            shutil.copytree(MODULE, place)
            self.run(place, "init", "-input=false")
            self.folders.append(place)

    @staticmethod
    def run(place, *arguments):
        subprocess.run(
            [TOFU, *arguments],
            cwd=place,
            check=True,
            stdout=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "HOME": str(place), "CHECKPOINT_DISABLE": "1"},
        )

    def call(self, worker, title):
        place = self.folders[worker]
        (place / "terraform.tfvars.json").write_text(json.dumps({"title": title}))
        if self.each_time:
            self.run(place, "init", "-input=false")
        self.run(place, "apply", "-auto-approve", "-input=false")
        if self.each_time:
            self.run(place, "output", "-json")


class Stratus:
    """The whole platform in one process."""

    def __init__(self, folder, name, isolation):
        self.name = name
        folder = folder / isolation
        folder.mkdir()
        ready = folder / "stratusd.ready.json"
        port = peers.free_port()
        command = [
            peers.RELEASE / "bin/stratusd",
            f"--listen=127.0.0.1:{port}",
            "--admin-listen=127.0.0.1:0",
            "--sandbox-listen=127.0.0.1:0",
            "--profile=development",
            f"--descriptors={peers.RELEASE / 'share/stratus.pb'}",
            f"--data-dir={folder / 'data'}",
            f"--isolation={isolation}",
            f"--ready-file={ready}",
            "--access-log=off",
        ]
        self.program = peers.start("stratusd", port, command, folder, cpu=f"0-{(os.cpu_count() or 1) - 1}")
        deadline = time.monotonic() + 30
        while not ready.exists():
            if time.monotonic() > deadline:
                raise TimeoutError("stratusd was not ready in time")
            time.sleep(0.02)
        sandbox = json.loads(ready.read_text())["sandbox"]
        request = urllib.request.Request(
            f"http://{sandbox}/admin/token",
            data=json.dumps({"client_id": "bench", "scope": SCOPES}).encode(),
            headers={"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as reply:
            self.token = json.load(reply)["access_token"]

    def call(self, worker, title):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.program.port}/note?stack=bench-{worker}",
            data=json.dumps({"title": title}).encode(),
            headers={"content-type": "application/json", "authorization": f"Bearer {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            outputs = json.load(reply)
        if outputs.get("title") != title:
            raise RuntimeError(f"asked for {title!r}, got {outputs}")


def measure(target, workers, runs, label):
    """Seconds of each call, and calls a second."""

    def work(worker):
        times = []
        for i in range(runs // workers):
            begin = time.monotonic()
            target.call(worker, f"{label} {worker} {i}")
            times.append(time.monotonic() - begin)
        return times

    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        times = [t for done in pool.map(work, range(workers)) for t in done]
    return times, len(times) / (time.monotonic() - begin)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=24)
    options = parser.parse_args()
    print(f"{'at once':<8} {'method':<20} {'runs/s':>8} {'p50 ms':>8} {'p95 ms':>8}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        platforms = [Stratus(folder, "stratus", "strict"), Stratus(folder, "not isolated", "off")]
        targets = [*platforms, Bare("init+apply+output", folder, 4, True), Bare("apply", folder, 4, False)]
        try:
            for workers in (1, 4):
                times = {t.name: [] for t in targets}
                rates = {t.name: [] for t in targets}
                for target in targets:
                    measure(target, workers, workers * 2, "warm-up")
                for round_ in range(options.rounds):
                    for target in targets:
                        taken, rate = measure(target, workers, options.runs, f"round {round_}")
                        times[target.name] += taken
                        rates[target.name].append(rate)
                p50 = {name: statistics.median(values) * 1e3 for name, values in times.items()}
                for name, values in times.items():
                    p95 = sorted(values)[int(len(values) * 0.95)] * 1e3
                    print(f"{workers:<8} {name:<20} {statistics.median(rates[name]):>8.1f} {p50[name]:>8.0f} {p95:>8.0f}")
                print(f"{'':<8} stratus adds {p50['stratus'] - p50['apply']:.0f} ms to the bare engine's run,")
                print(f"{'':<8} {p50['stratus'] - p50['not isolated']:.1f} ms of them by isolation")
        finally:
            for platform in platforms:
                platform.program.stop()


if __name__ == "__main__":
    main()
