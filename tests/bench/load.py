"""Load on one URL by h2load, and what it cost the program that served it."""

import re
import subprocess
from dataclasses import dataclass

from peers import LOAD_CPU


@dataclass
class Figures:
    requests: int
    cpu_us: float  # of the measured program, per request
    per_second: float
    p50_us: float
    p99_us: float
    rss_mib: float


def run(target, path, requests, folder, clients=8, body=None, headers=(), streams=0):
    """Sends `requests` requests over `clients` connections; every one must answer 2xx.

    HTTP/1.1 when `streams` is 0, else h2c with so many requests under way on each connection."""
    log = folder / "h2load.tsv"
    log.unlink(missing_ok=True)
    command = ["taskset", "-c", LOAD_CPU, "h2load", "-n", str(requests), "-c", str(clients), "-t", "1", f"--log-file={log}"]
    command += ["-m", str(streams)] if streams else ["--h1"]
    if body is not None:
        command += ["-d", str(body)]
        if not headers:
            command += ["-H", "content-type: application/json"]
    for header in headers:
        command += ["-H", header]
    command.append(f"http://127.0.0.1:{target.port}{path}")
    before = target.cpu_seconds()
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    cpu = target.cpu_seconds() - before
    good = re.search(r"status codes: (\d+) 2xx", done.stdout)
    if not good or int(good[1]) != requests:
        raise RuntimeError(f"{target.name} {path}: not every reply was 2xx:\n{done.stdout}")
    rate = float(re.search(r"finished in .*?, ([\d.]+) req/s", done.stdout)[1])
    times = sorted(int(line.split("\t")[2]) for line in log.read_text().splitlines())
    return Figures(
        requests=requests,
        cpu_us=cpu / requests * 1e6,
        per_second=rate,
        p50_us=times[len(times) // 2],
        p99_us=times[int(len(times) * 0.99)],
        rss_mib=target.rss_mib(),
    )
