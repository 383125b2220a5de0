"""The provisioning service as it runs modules that mean harm: started by root, and by an ordinary user who has no account."""

import contextlib
import json
import os
import pathlib
import shutil
import tempfile
import time

from provisioning_rig import Rig

MODULES = pathlib.Path(__file__).resolve().parent / "modules"
ORDINARY_UID = 69123  # of nobody, and of none of the ranges that the service has a say in
SECRET = "AKIA-the-secret-of-the-service"
# Small enough that a bomb is over soon, and none of the machine's other work notices.
SMALL_LIMITS = ["--run-disk-mb=48", "--run-files=3000", "--run-memory-mb=640", "--run-processes=150", "--run-output-mb=8"]


class Isolated(Rig):
    """A service, as which user and how isolated; with modules of its own, and the run of a victim that waits."""

    def __init__(self, user, isolation, flags=()):
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="stratus-isolation-"))
        self.place.chmod(0o755)
        self.uid = 0 if user == "root" else ORDINARY_UID if os.geteuid() == 0 else os.geteuid()
        self.stacks = 0
        self.victim = None
        self.home = self.place / "home"
        self.home.mkdir(mode=0o700)
        modules = self.home / "modules"
        shutil.copytree(MODULES, modules)
        shutil.copytree(MODULES.parents[2] / "services" / "provisioning" / "modules" / "note", modules / "note")
        shutil.copytree(MODULES.parents[2] / "services" / "provisioning" / "modules" / "fleet", modules / "fleet")
        (self.home / "host-file").write_text("of the host")
        handle, self.tmp_file = tempfile.mkstemp(prefix="stratus-of-the-host-")
        os.close(handle)
        prefix = []
        if self.uid != os.geteuid():
            for each in [self.home, *self.home.rglob("*")]:
                os.chown(each, self.uid, self.uid)
            prefix = ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups"]
        super().__init__(
            self.home,
            modules=modules,
            flags=[f"--isolation={isolation}", *flags],
            environment={"AWS_SECRET_ACCESS_KEY": SECRET},
            service_prefix=prefix,
        )

    def start(self, name, *flags):
        folder = self.home / f"{name}-{self.starts + 1}"
        folder.mkdir()
        os.chown(folder, self.uid, self.uid)
        return super().start(name, *flags)

    def stop(self):
        if self.victim:
            cancelled = self.call(f"/v1/stacks/fleet/runs/{self.victim}:cancel", "POST", {}, client="victim")
            assert cancelled.status == 200, cancelled.body
            self.wait_for_end("fleet", 60, client="victim")
        super().stop()
        os.unlink(self.tmp_file)
        shutil.rmtree(self.place, ignore_errors=True)

    def run(self, module, variables, seconds=120):
        """A run of a stack of its own, once it has ended: its record."""
        self.stacks += 1
        stack = f"{module}-{self.stacks}"
        begun = self.call(f"/{module}?stack={stack}", "POST", variables, {"prefer": "wait=0"})
        assert begun.status in (201, 202), begun.body
        return {**self.wait_for_end(stack, seconds), "stack": stack}

    def script(self, script, names=(), path="", seconds=120):
        return self.run("script", {"script": script, "names": list(names), "path": path}, seconds)

    def outputs(self, run):
        reply = self.call(f"/v1/stacks/{run['stack']}")
        assert reply.status == 200, reply.body
        return reply.json()["outputs"]

    def serves(self):
        """An honest run succeeds, and the service answers."""
        run = self.run("note", {"title": "honest"})
        assert status(run) == "APPLIED", (run, self.logs()[-3000:])
        assert self.call("/v1/modules").status == 200

    def another_run(self):
        """Another tenant's run that is under way and waits; its uid and its engine's pid."""
        if self.victim is None:
            variables = {"items": {"a": {}}, "delay_seconds": 600}
            begun = self.call("/fleet", "POST", variables, {"prefer": "wait=0"}, client="victim")
            assert begun.status == 202, begun.body
            run = self.newest_run("fleet", client="victim")
            self.victim = run["name"].rsplit("/", 1)[1]
            pid_file = self.control_folder(run) / "1-apply" / "shim.pid"
            deadline = time.monotonic() + 60
            while not pid_file.exists():
                assert time.monotonic() < deadline, self.logs()[-3000:]
                time.sleep(0.02)
        engine = (self.home / "data" / "control" / self.victim / "1-apply" / "engine.pid").read_text()
        return self.victim, int(engine.split()[0])

    def targets(self):
        victim, engine = self.another_run()
        service = self.replicas["r0"].process.pid
        return json.dumps(
            {
                "data": str(self.home / "data"),
                "victim": victim,
                "engine": engine,
                "service": service,
                "socket": str(self.socket("r0")),
                "host_file": str(self.home / "host-file"),
                "host_folder": str(self.home),
                "host_tmp_file": self.tmp_file,
                "cwd_file": os.path.relpath(self.home / "host-file", os.readlink(f"/proc/{service}/cwd")),
            }
        )

    def wait_until_gone(self, run, seconds=60):
        """Until nothing is left of the run's folders."""
        uid = run["name"].rsplit("/", 1)[1]
        deadline = time.monotonic() + seconds
        while any((self.home / "data" / folder / uid).exists() for folder in ("runs", "control")):
            assert time.monotonic() < deadline, self.logs()[-3000:]
            time.sleep(0.02)

    def processes_with(self, text):
        """Command lines of living processes that have `text` in them."""
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                line = (entry / "cmdline").read_bytes()
                if text.encode() in line and entry.name != str(os.getpid()):
                    found.append(line)
        return found


def status(run):
    return run["status"].removeprefix("RUN_STATUS_")


def message(run):
    return run.get("error", {}).get("message", "")
