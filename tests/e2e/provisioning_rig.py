"""The provisioning service as programs of their own: sandbox, gateway, one or more replicas, and the store under them.

Unlike stratusd, each can be killed alone: the cloud that the sandbox stands for outlives the service.
"""

import base64
import json
import os
import pathlib
import pwd
import shutil
import signal
import struct
import subprocess
import tempfile
import time

from programs import BUILD, ROOT, RUNNING, Program, call

POSTGRES_BIN = pathlib.Path("/usr/lib/postgresql/15/bin")
END_STATUSES = {"APPLIED", "PLANNED_AND_FINISHED", "DISCARDED", "ERRORED", "CANCELED", "FORCE_CANCELED"}


def audit(*arguments, env=None):
    """stratus-audit, run to its end."""
    return subprocess.run([BUILD / "bin" / "stratus-audit", *arguments], env=env or {}, capture_output=True, text=True, check=False)


class Postgres:
    """A PostgreSQL server in a folder of its own, on a Unix socket; it refuses root, so as root it runs as nobody."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="stratus-pg-"))
        self.prefix = []
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            self.prefix = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
        self._run("initdb", "-D", str(self.folder / "data"), "-U", "stratus", "-A", "trust", "--no-sync")
        self.log = open(self.folder / "server.log", "wb")  # noqa: SIM115  # the server owns it from here
        self.process = subprocess.Popen(
            [*self.prefix, POSTGRES_BIN / "postgres", "-D", str(self.folder / "data"), "-k", str(self.folder)]
            + ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200"],
            stdout=self.log,
            stderr=self.log,
            cwd="/",
        )
        RUNNING.append(self.process)
        deadline = time.monotonic() + 120
        while subprocess.run([POSTGRES_BIN / "pg_isready", "-q", "-h", str(self.folder)], check=False).returncode != 0:
            assert time.monotonic() < deadline and self.process.poll() is None, "PostgreSQL does not start"
            time.sleep(0.05)
        self.url = f"postgresql://stratus@/postgres?host={self.folder}"

    def _run(self, program, *arguments):
        subprocess.run([*self.prefix, POSTGRES_BIN / program, *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/")

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(120)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Rig:
    def __init__(self, folder, store="sqlite", modules=None, replicas=1, flags=(), environment=None, service_prefix=()):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.modules = modules or ROOT / "services" / "provisioning" / "modules"
        self.flags = list(flags)
        self.service_prefix = service_prefix  # what starts the service: as another user, for one
        self.postgres = Postgres() if store == "postgresql" else None
        self.sandbox = Program("stratus-sandbox", folder / "sandbox", "--profile=development", "--listen=127.0.0.1:0")
        self.sandbox_address = self.sandbox.addresses["sandbox"]
        self.environment = {
            "COGNITO_ISSUER": f"http://{self.sandbox_address}/us-east-1_sandbox",
            "COGNITO_APP_CLIENT_ID": "*",
            "STRATUS_SANDBOX_URL": f"http://{self.sandbox_address}",
            **(environment or {}),
        }
        if self.postgres:
            self.environment["DATABASE_URL"] = self.postgres.url
        self.starts = 0
        self.replicas = {}
        self.gateway = None
        try:
            for number in range(replicas):
                self.start(f"r{number}")
            # The gateway knows one address; the replica there may be gone and come back.
            self.gateway = self._gateway("r0")
        except BaseException:
            self.stop()  # a rig that is not made is stopped by nobody else
            raise

    def socket(self, name):
        return self.folder / f"{name}.sock"

    def start(self, name, *flags):
        self.starts += 1
        self.replicas[name] = Program(
            "stratus-provisioning",
            self.folder / f"{name}-{self.starts}",
            "--profile=development",
            f"--listen=unix:{self.socket(name)}",
            "--admin-listen=127.0.0.1:0",
            f"--data-dir={self.folder / 'data'}",
            f"--replica={name}",
            f"--modules={self.modules}",
            *self.flags,
            *flags,
            env=self.environment,
            prefix=self.service_prefix,
        )
        return self.replicas[name]

    def _gateway(self, name):
        self.starts += 1
        return Program(
            "stratus-gateway",
            self.folder / f"gateway-{self.starts}",
            "--listen=127.0.0.1:0",
            "--admin-listen=127.0.0.1:0",
            f"--upstream=unix:{self.socket(name)}",
            f"--descriptors={BUILD / 'share' / 'stratus.pb'}",
            env=self.environment,
        )

    def gateway_to(self, name):
        self.gateway.stop()
        self.gateway = self._gateway(name)

    def kill(self, name):
        self.replicas[name].process.kill()
        self.replicas[name].process.wait()

    def stop(self):
        for program in [self.gateway, *self.replicas.values(), self.sandbox]:
            if program and program.process.poll() is None:
                program.stop()
        try:
            self.verify_audit()
        finally:
            if self.postgres:
                self.postgres.stop()

    def verify_audit(self):
        """Every rig's audit log is whole when its test is over."""
        if self.replicas:
            url = {"DATABASE_URL": self.postgres.url} if self.postgres else {}
            verified = audit("verify", *([] if url else [f"--data-dir={self.folder / 'data'}"]), env=url)
            assert verified.returncode == 0, verified.stderr

    def logs(self):
        return "".join(program.log() for program in self.replicas.values())

    def token(self, client="dev"):
        reply = call(
            f"http://{self.sandbox_address}/admin/token",
            "POST",
            {"content-type": "application/json"},
            json.dumps({"client_id": client}).encode(),
        )
        assert reply.status == 200, reply.body
        return reply.json()["access_token"]

    def call(self, path, method="GET", body=None, headers=None, client="dev", timeout=240):
        headers = {"authorization": f"Bearer {self.token(client)}", **(headers or {})}
        data = None
        if body is not None:
            headers["content-type"] = "application/json"
            data = json.dumps(body).encode()
        return call(f"http://{self.gateway.addresses['gateway']}{path}", method, headers, data, timeout)

    def sandbox_admin(self, **behaviour):
        method = "POST" if behaviour else "GET"
        reply = call(
            f"http://{self.sandbox_address}/admin/digitalocean",
            method,
            {"content-type": "application/json"},
            json.dumps(behaviour).encode() if behaviour else None,
        )
        assert reply.status == 200, reply.body
        return reply.json()

    def fault(self, **fault):
        self._faults("POST", json.dumps(fault).encode())

    def clear_faults(self):
        self._faults("DELETE", None)

    def _faults(self, method, body):
        reply = call(f"http://{self.sandbox_address}/admin/faults", method, {"content-type": "application/json"}, body)
        assert reply.status == 200, reply.body

    def newest_run(self, stack, client="dev"):
        reply = self.call(f"/v1/stacks/{stack}/runs?page_size=1", client=client)
        assert reply.status == 200, reply.body
        return reply.json()["runs"][0]

    def wait_for_end(self, stack, seconds=600, client="dev"):
        """The newest run of the stack, once it has ended."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            run = self.newest_run(stack, client)
            if run["status"].removeprefix("RUN_STATUS_") in END_STATUSES:
                return run
            time.sleep(0.1)
        raise AssertionError(f"the run of {stack} has not ended: {run}\n{self.logs()[-4000:]}")

    def wait_for_creates(self, seconds=240):
        """Until the cloud has been asked for something that is not there yet."""
        deadline = time.monotonic() + seconds
        while self.sandbox_admin()["creates"]["in_flight"] == 0:
            assert time.monotonic() < deadline, self.logs()[-3000:]
            time.sleep(0.01)

    def state(self, stack, client="dev"):
        """The newest state as JSON; None without one."""
        reply = self.call(f"/v1/stacks/{stack}/stateVersions/latest:download", client=client)
        if reply.status == 404:
            return None
        assert reply.status == 200, reply.body
        return reply.json()

    def state_ids(self, stack, resource_type, client="dev"):
        """The ids of a type's resources in the newest state, a list: doubles show."""
        state = self.state(stack, client) or {"resources": []}
        return [
            str(instance["attributes"]["id"])
            for resource in state["resources"]
            if resource["mode"] == "managed" and resource["type"] == resource_type
            for instance in resource["instances"]
        ]

    def run_folder(self, run):
        return self.folder / "data" / "runs" / run["name"].rsplit("/", 1)[1]

    def control_folder(self, run):
        """Where the service keeps what it knows of the run: a folder a step."""
        return self.folder / "data" / "control" / run["name"].rsplit("/", 1)[1]


def public_key():
    """A public key of a random private one that nobody has."""
    blob = b"".join(struct.pack(">I", len(part)) + part for part in (b"ssh-ed25519", os.urandom(32)))
    return "ssh-ed25519 " + base64.b64encode(blob).decode()
