"""The kill matrix: kill -9 the service, the shim, the engine, or all of them, at a random moment of an apply.

After each kill the service is (started again and) left to itself. Then: every resource that the cloud has is in the
state, none is there twice, the run's end is true, and nothing is stuck: the stack can be destroyed by an ordinary call.

    STRATUS_BUILD=build python tests/chaos/kill_matrix.py --rounds=30 --store=sqlite
"""

import argparse
import contextlib
import os
import pathlib
import random
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from provisioning_rig import Rig, public_key  # noqa: E402

MODULES = pathlib.Path(__file__).resolve().parent / "modules"
VICTIMS = ("service", "engine", "shim", "machine")
KEYS = 10
DROPLETS = 3


class Round:
    def __init__(self, rig, number, kind, victim, seed):
        self.rig = rig
        self.stack = f"{kind}-{number}"
        self.kind = kind
        self.victim = victim
        self.random = random.Random(seed)
        self.type = "digitalocean_ssh_key" if kind == "keys" else "digitalocean_droplet"
        prefix = f"r{number}-"
        if kind == "keys":
            self.variables = {"keys": {f"{prefix}{i}": public_key() for i in range(KEYS)}}
            self.names = set(self.variables["keys"])
        else:
            self.variables = {"names": [f"{prefix}{i}" for i in range(DROPLETS)]}
            self.names = set(self.variables["names"])

    def begin(self):
        reply = self.rig.call(f"/{self.kind}?stack={self.stack}", "POST", self.variables, {"prefer": "wait=0"})
        assert reply.status == 202, (reply.status, reply.body)

    def strike(self):
        """Waits until the engine creates, and a random while more; kills; returns how many creates were in flight."""
        before = self.rig.sandbox_admin()["creates"]["begun"]
        deadline = time.monotonic() + 240
        while self.rig.sandbox_admin()["creates"]["begun"] == before:
            assert time.monotonic() < deadline, "the engine creates nothing"
            time.sleep(0.002)
        # Creates take 50 to 500 ms each, ten at a time; a droplet then boots, and is waited for.
        time.sleep(self.random.uniform(0, 0.4 if self.kind == "keys" else 3))
        in_flight = self.rig.sandbox_admin()["creates"]["in_flight"]
        self.kill()
        return in_flight

    def kill(self):
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.victim in ("service", "machine"):
            self.rig.replicas["r0"].process.wait()

    def pids(self):
        wanted = ("shim", "engine", "service") if self.victim == "machine" else (self.victim,)
        return [pid for name in wanted if (pid := self.pid(name))]

    def pid(self, name):
        """Of a living part; none when the run has ended meanwhile, and its folder with it: then the kill comes too late."""
        if name == "service":
            return self.rig.replicas["r0"].process.pid
        steps = sorted(self.rig.control_folder(self.rig_run()).glob("[0-9]*-*/shim.pid"))
        try:
            return int((steps[-1].parent / f"{name}.pid").read_text().split()[0]) if steps else None
        except FileNotFoundError:
            return None

    def rig_run(self):
        if not hasattr(self, "run"):
            self.run = self.rig.newest_run(self.stack)
        return self.run

    def cloud(self):
        """{name: [ids]} of what the cloud has of this round."""
        found = {}
        for account in self.rig.sandbox_admin()["accounts"]:
            for one in account["ssh_keys" if self.kind == "keys" else "droplets"]:
                if one["name"] in self.names:
                    found.setdefault(one["name"], []).append(str(one["id"]))
        return found

    def revive(self):
        if self.victim in ("service", "machine"):
            self.rig.start("r0")

    def judge(self):
        """What is wrong; nothing when all is well."""
        run = self.rig.wait_for_end(self.stack)
        cloud = self.cloud()
        in_cloud = sorted(i for ids in cloud.values() for i in ids)
        in_state = sorted(self.rig.state_ids(self.stack, self.type))
        wrong = []
        if in_cloud != in_state:
            lost = sorted(set(in_cloud) - set(in_state))
            wrong.append(f"the cloud has {in_cloud}, the state {in_state}; lost: {lost}")
        wrong += [f"{name} is there {len(ids)} times" for name, ids in cloud.items() if len(ids) > 1]
        status = run["status"].removeprefix("RUN_STATUS_")
        if status != "APPLIED":
            wrong.append(f"the run ended {status}: {run.get('error')} {run.get('recoveryNotes')}")
        elif set(cloud) != self.names:
            wrong.append(f"the run says APPLIED, but the cloud lacks {sorted(self.names - set(cloud))}")
        self.recoveries = int(run.get("recoveries", 0))
        return wrong

    def replace(self):
        """Another public key a name: each key is destroyed and made anew, and the engine is killed meanwhile."""
        self.variables = {"keys": {name: public_key() for name in self.names}}
        del self.run
        self.begin()
        self.rig_run()
        return self.strike()

    def destroy_and_strike(self):
        """Kills while the keys are being destroyed."""
        self.rig.fault(target="digitalocean", kind="slow", delay_ms=150, count=0)
        reply = self.rig.call(f"/{self.kind}?stack={self.stack}", "DELETE", headers={"prefer": "wait=0"})
        assert reply.status == 202, (reply.status, reply.body)
        del self.run
        self.rig_run()
        deadline = time.monotonic() + 240
        while len(self.cloud()) == len(self.names):
            assert time.monotonic() < deadline, "the engine destroys nothing"
        self.kill()
        self.rig.clear_faults()

    def judge_destroyed(self):
        deadline = time.monotonic() + 600
        while self.rig.call(f"/v1/stacks/{self.stack}").status != 404:
            if time.monotonic() > deadline:
                return [f"the stack is not gone: {self.rig.newest_run(self.stack)}"]
            time.sleep(0.1)
        left = self.cloud()
        return [f"destroyed, but the cloud still has {left}"] if left else []

    def destroy(self):
        """Shows that nothing is stuck."""
        reply = self.rig.call(f"/{self.kind}?stack={self.stack}", "DELETE", headers={"prefer": "wait=100"})
        if reply.status != 200:
            return [f"the stack cannot be destroyed: {reply.status} {reply.body!r}"]
        left = self.cloud()
        return [f"destroyed, but the cloud still has {left}"] if left else []


def play(rig, rounds, droplet_rounds, seed, say=print):
    """Returns (what went wrong by round, kills that landed with a create in flight)."""
    rig.sandbox_admin(create_ms_min=50, create_ms_max=500, boot_ms_min=500, boot_ms_max=1500)
    wrong, landed = {}, 0
    for number in range(rounds):
        kind = "droplets" if number >= rounds - droplet_rounds else "keys"
        victim = VICTIMS[number % len(VICTIMS)]
        began = time.monotonic()
        game = Round(rig, number, kind, victim, seed + number)
        game.begin()
        game.rig_run()
        in_flight = game.strike()
        landed += in_flight > 0
        acts = ["created"]
        game.revive()
        problems = game.judge()
        if not problems and kind == "keys" and number % 3 == 0:
            acts.append("replaced")
            game.replace()
            game.revive()
            problems = game.judge()
        if not problems and kind == "keys" and number % 3 == 1:
            acts.append("destroyed")
            game.destroy_and_strike()
            game.revive()
            problems = game.judge_destroyed()
        elif not problems:
            problems = game.destroy()
        if problems:
            wrong[number] = problems
        say(
            f"round {number}: {kind}, {victim} killed ({', '.join(acts)}), {in_flight} creates in flight, "
            f"{game.recoveries} recoveries, {time.monotonic() - began:.1f} s: {'; '.join(problems) or 'nothing lost'}"
        )
    return wrong, landed


def control(rig, say=print):
    """With recovery switched off, the same kill loses something, or the matrix proves nothing."""
    rig.sandbox_admin(create_ms_min=50, create_ms_max=500)
    for number in range(1000, 1005):
        game = Round(rig, number, "keys", "engine", number)
        game.begin()
        game.rig_run()
        game.strike()
        problems = game.judge()
        lost = [problem for problem in problems if "lost:" in problem]
        if lost:
            say(f"control, recovery off: {lost[0]}")
            return True
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--droplet-rounds", type=int, default=3)
    parser.add_argument("--store", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    arguments = parser.parse_args()
    print(f"{arguments.rounds} rounds on {arguments.store}, seed {arguments.seed}", flush=True)

    def say(text):
        print(text, flush=True)

    with tempfile.TemporaryDirectory(prefix="stratus-chaos-") as folder:
        rig = Rig(pathlib.Path(folder) / "matrix", arguments.store, MODULES)
        try:
            wrong, landed = play(rig, arguments.rounds, min(arguments.droplet_rounds, arguments.rounds), arguments.seed, say)
            if wrong:
                say(rig.logs()[-20000:])
        finally:
            rig.stop()
        rig = Rig(pathlib.Path(folder) / "control", arguments.store, MODULES, flags=["--recovery=off"])
        try:
            loses = control(rig, say)
        finally:
            rig.stop()
    say(f"{arguments.rounds - len(wrong)} of {arguments.rounds} rounds lost nothing; {landed} kills landed with a create in flight")
    if not loses:
        say("the control lost nothing either: this proves nothing")
    if landed * 3 < arguments.rounds * 2:
        say("too few kills landed with a create in flight")
    sys.exit(1 if wrong or not loses or landed * 3 < arguments.rounds * 2 else 0)


if __name__ == "__main__":
    main()
