#!/usr/bin/env python3
"""What the gateway takes to start, to stand idle and to hold idle connections, and how its cost grows with a reply's size.

usage: footprint_bench.py [--connections=10000] [--starts=21]
"""

import argparse
import contextlib
import pathlib
import resource
import socket
import statistics
import subprocess
import tempfile
import time

import load
import peers

SMALL = b"GET /bench/v1/small/x HTTP/1.1\r\nhost: bench\r\n\r\n"
# Rows, and how often a round asks for them.
SIZES = [(168, 4000), (1000, 1000), (8500, 120), (34000, 30), (136000, 10)]


def first_answer(backend, folder):
    """Milliseconds from exec to the first byte of a transcoded reply."""
    port = peers.free_port()
    command = [
        peers.RELEASE / "bin/stratus-gateway",
        f"--listen=127.0.0.1:{port}",
        "--admin-listen=127.0.0.1:0",
        f"--upstream=127.0.0.1:{backend.port}",
        f"--descriptors={peers.RELEASE / 'share/bench.pb'}",
        "--auth=off",
        "--threads=1",
        "--access-log=off",
    ]
    with open(folder / "start.log", "wb") as log:
        began = time.perf_counter()
        process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            while True:
                with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 5) as client:
                    client.sendall(SMALL)
                    if not client.recv(4096).startswith(b"HTTP/1.1 200"):
                        raise RuntimeError("the first answer is not a 200")
                    return (time.perf_counter() - began) * 1000
                if process.poll() is not None or time.perf_counter() - began > 10:
                    raise RuntimeError("the gateway did not start")
        finally:
            process.terminate()
            process.wait()


def idle_connections(gateway, count):
    """Resident bytes a connection that has had one reply and is now idle."""
    before = gateway.rss_mib()
    clients = []
    try:
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", gateway.port), 5)
            clients.append(client)
            client.sendall(SMALL)
            if not client.recv(4096).startswith(b"HTTP/1.1 200"):
                raise RuntimeError("not a 200")
        return (gateway.rss_mib() - before) * 1024 * 1024 / count
    finally:
        for client in clients:
            client.close()


def cost_by_size(gateway, folder, rounds=3):
    """Bytes of a reply -> microseconds of CPU."""
    costs = {}
    for rows, requests in SIZES:
        path = f"/bench/v1/rows?count={rows}"
        with socket.create_connection(("127.0.0.1", gateway.port), 30) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n".encode())
            head = client.recv(65536).split(b"\r\n\r\n")[0].lower()
            size = int(head.split(b"content-length:")[1].split()[0])
        load.run(gateway, path, max(2, requests // 5), folder, clients=1)
        costs[size] = statistics.median(load.run(gateway, path, requests, folder, clients=1).cpu_us for _ in range(rounds))
    return costs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--connections", type=int, default=10000)
    parser.add_argument("--starts", type=int, default=21)
    options = parser.parse_args()
    # Ours, and the gateway's, which inherits them.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * options.connections + 1000), hard))
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        with contextlib.ExitStack() as running:
            backend = peers.start_backend(folder)
            running.callback(backend.stop)
            starts = [first_answer(backend, folder) for _ in range(options.starts)]
            many = folder / "many.yaml"  # all of the idle connections are of one address
            many.write_text(f"limits: {{connections_per_address_max: {options.connections + 100}}}", encoding="utf-8")
            gateway = peers.start_stratus(backend, folder, arguments=[f"--config={many}"])
            running.callback(gateway.stop)
            print(f"exec to first answer     {statistics.median(starts):8.1f} ms (median of {len(starts)}, worst {max(starts):.1f})")
            print(f"resident, idle           {gateway.rss_mib():8.1f} MiB")
            held = idle_connections(gateway, options.connections)
            print(f"an idle connection       {held:8.0f} bytes resident ({options.connections} held)")
            for size, cost in cost_by_size(gateway, folder).items():
                print(f"reply of {size / 1e6:8.3f} MB     {cost:8.0f} us CPU, {size / cost:5.0f} MB/s")


if __name__ == "__main__":
    main()
