"""A gateway in front of servers of limited means (slow_backend.py), and clients that press on it."""

import contextlib
import pathlib
import random
import re
import subprocess
import sys
from concurrent import futures

import grpc
import yaml
from programs import BUILD, RUNNING, Program, call

HERE = pathlib.Path(__file__).resolve().parent


class Backend:
    def __init__(self, *options):
        command = [sys.executable, HERE / "slow_backend.py", "127.0.0.1:0", *options]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        RUNNING.append(self.process)
        self.address = f"127.0.0.1:{int(self.process.stdout.readline())}"

    def release(self):
        with grpc.insecure_channel(self.address) as channel:
            channel.unary_unary("/test.Any/Release")(b"")

    def stop(self):
        self.process.kill()
        self.process.wait()


class Door:
    """One worker, so that its limits are those of the whole."""

    def __init__(self, folder, backends, **upstream):
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "gateway.yaml"
        addresses = [backend.address for backend in backends]
        config.write_text(yaml.safe_dump({"upstreams": [{"address": addresses[0], "more_addresses": addresses[1:], **upstream}]}))
        self.program = Program(
            "stratus-gateway",
            folder,
            "--listen=127.0.0.1:0",
            "--admin-listen=127.0.0.1:0",
            f"--descriptors={BUILD / 'share' / 'stratus.pb'}",
            f"--config={config}",
            "--auth=off",
            "--threads=1",
        )
        self.url = f"http://{self.program.addresses['gateway']}"

    # No two alike, so that no reply is shared or kept.
    def forecast(self, **headers):
        return self.get(f"/v1/weather:forecast?lat={random.uniform(-89, 89):.9f}&lon={random.uniform(-179, 179):.9f}", headers)

    def places(self, **headers):
        return self.get(f"/v1/places:search?query=p{random.randrange(1 << 60)}", headers)

    def get(self, path, headers):
        return call(self.url + path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def metric(self, name, **labels):
        """The sum of the series that have these labels."""
        text = call(f"http://{self.program.addresses['admin']}/metrics").body.decode()
        total = 0.0
        for line in text.splitlines():
            found = re.fullmatch(rf"{name}(?:{{(.*)}})? (\S+)", line)
            if found and all(f'{key}="{value}"' in (found[1] or "") for key, value in labels.items()):
                total += float(found[2])
        return total


@contextlib.contextmanager
def door(folder, *backends, **upstream):
    running = Door(folder, backends, **upstream)
    try:
        yield running
    finally:
        for backend in backends:
            backend.stop()
        assert running.program.stop() == 0, running.program.log()


def at_once(count, function, *arguments):
    """The results of so many calls at the same time, as futures."""
    pool = futures.ThreadPoolExecutor(count)
    started = [pool.submit(function, *arguments) for _ in range(count)]
    pool.shutdown(wait=False)
    return started
