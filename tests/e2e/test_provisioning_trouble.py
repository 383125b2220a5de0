"""Provisioning when what is under it fails: a full disk, damaged states, a provider that hangs."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import time

import pytest
from clock_rig import JumpingClock
from programs import ROOT
from provisioning_rig import Rig, public_key

PAGE = 4096
KEYS = ROOT / "services" / "provisioning" / "testdata" / "modules"


def wait_until(true, what, seconds=240):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def keys(count):
    return {"keys": {f"k{number}": public_key() for number in range(count)}}


def cloud_keys(rig):
    return sorted(str(key["id"]) for account in rig.sandbox_admin()["accounts"] for key in account["ssh_keys"])


@pytest.fixture
def small_disk(tmp_path):
    """A rig whose data folder is on a disk of 160 MiB, and a file that fills it to what is asked for."""
    data = tmp_path / "rig" / "data"
    data.mkdir(parents=True, mode=0o700)
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m,mode=700", "tmpfs", data], check=False).returncode != 0
    ):
        pytest.skip("no right to mount a small disk")
    rig = None
    try:
        rig = Rig(tmp_path / "rig", modules=KEYS)
        yield rig, Filler(data / "filler")
    finally:
        if rig:
            rig.stop()
        subprocess.run(["umount", "-l", data], check=True)


class Filler:
    def __init__(self, path):
        self.path = path

    def leave(self, free_bytes):
        """Fills the disk up to so many bytes."""
        self.clear()
        disk = os.statvfs(self.path.parent)
        pages = (disk.f_bavail * disk.f_frsize - free_bytes) // PAGE
        with contextlib.suppress(OSError), open(self.path, "wb", buffering=0) as file:  # others write at the same time
            while pages > 0 or free_bytes == 0:
                file.write(bytes(PAGE))
                pages -= 1

    def clear(self):
        self.path.unlink(missing_ok=True)


def test_nothing_is_begun_on_a_full_disk_and_all_is_served_once_there_is_room(small_disk):
    rig, filler = small_disk
    assert rig.call("/keys", "POST", keys(1)).status == 201

    filler.leave(0)
    refused = rig.call("/keys?stack=other", "POST", keys(1))
    assert refused.status == 503, refused.body
    assert refused.json()["code"] == 14
    assert "full" in refused.json()["message"] or "No space left" in refused.json()["message"], refused.body
    assert rig.call("/v1/stacks/keys").status == 200, "what is there can still be read"

    filler.leave(16 << 20)
    begun = rig.call("/keys?stack=other", "POST", keys(1), {"prefer": "wait=0"})
    assert begun.status == 202, begun.body
    run = rig.newest_run("other")
    wait_until(lambda: "is full" in events_of(rig, run), "the run's watchers are told why nothing happens")
    assert rig.newest_run("other")["status"] in ("RUN_STATUS_PENDING", "RUN_STATUS_PLANNING")
    assert len(cloud_keys(rig)) == 1

    filler.clear()
    assert rig.wait_for_end("other")["status"] == "RUN_STATUS_APPLIED"
    assert cloud_keys(rig) == sorted(rig.state_ids("keys", "digitalocean_ssh_key") + rig.state_ids("other", "digitalocean_ssh_key"))


def test_a_disk_that_fills_up_in_the_middle_of_a_run_loses_nothing(small_disk):
    rig, filler = small_disk
    rig.sandbox_admin(create_ms_min=3000, create_ms_max=6000)  # the disk is full before the first one is there
    assert rig.call("/keys", "POST", keys(6), {"prefer": "wait=0"}).status == 202
    wait_until(lambda: rig.sandbox_admin()["creates"]["in_flight"] > 0, "nothing is created")
    filler.leave(0)
    wait_until(lambda: len(cloud_keys(rig)) == 6, "the engine goes on")
    # It cannot say so, nor save its state, for a while.
    with pytest.raises(AssertionError):
        wait_until(lambda: rig.newest_run("keys")["status"] == "RUN_STATUS_APPLIED", "", seconds=3)
    filler.clear()
    run = rig.wait_for_end("keys")
    assert run["status"] == "RUN_STATUS_APPLIED", (run, rig.logs()[-3000:])
    assert sorted(rig.state_ids("keys", "digitalocean_ssh_key")) == cloud_keys(rig)
    assert rig.call("/keys", "DELETE").status == 200, "nothing is stuck"
    assert cloud_keys(rig) == []


def events_of(rig, run):
    reply = subprocess.run(
        ["curl", "-sN", "--max-time", "1", "-H", f"Authorization: Bearer {rig.token()}", "-H", "Accept: application/x-ndjson"]
        + [f"http://{rig.gateway.addresses['gateway']}/v1/{run['name']}:watch"],
        capture_output=True,
        text=True,
        check=False,
    )
    return reply.stdout


@pytest.fixture
def rig(request, tmp_path):
    rig = Rig(tmp_path, modules=KEYS, **getattr(request, "param", {}))
    yield rig
    rig.stop()


def test_a_damaged_state_is_said_plainly_and_nothing_is_applied_over_it(rig):
    variables = keys(2)
    assert rig.call("/keys", "POST", variables).status == 201
    variables["keys"]["another"] = public_key()
    assert rig.call("/keys", "POST", variables).status == 200
    before = cloud_keys(rig)
    versions = rig.call("/v1/stacks/keys/stateVersions").json()["stateVersions"]
    damage_newest_state(rig.folder / "data" / "provisioning.db")

    refused = rig.call("/keys", "POST", keys(1))
    assert (refused.status, refused.json()["code"]) == (500, 15), refused.body
    assert "state" in refused.json()["message"] and "roll back" in refused.json()["message"], refused.body
    assert rig.call("/keys", "DELETE").json()["code"] == 15
    assert cloud_keys(rig) == before
    assert rig.call("/v1/stacks/keys/stateVersions").json()["stateVersions"] == versions
    assert rig.call("/v1/stacks/keys/stateVersions/latest:download").json()["code"] == 15

    # The version before it opens; what it does not know of is the caller's to import or to remove.
    earlier = rig.call("/v1/stacks/keys:rollBack", "POST", {"stateVersion": versions[1]["name"]})
    assert earlier.status == 200, earlier.body
    assert rig.call("/keys", "DELETE").status == 200
    assert set(cloud_keys(rig)) < set(before)


def damage_newest_state(database):
    """Flips one bit in the middle of what is sealed."""
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        (stack, serial, sealed) = connection.execute(
            "SELECT stack_uid, serial, sealed FROM state_versions ORDER BY serial DESC LIMIT 1"
        ).fetchone()
        sealed = bytearray(sealed)
        sealed[len(sealed) // 2] ^= 1
        connection.execute("UPDATE state_versions SET sealed = ? WHERE stack_uid = ? AND serial = ?", (bytes(sealed), stack, serial))


def test_a_torn_state_file_of_a_killed_engine_loses_nothing(rig):
    # Some are under way when the kill comes, and there before recovery looks (the finder's settle_time of 5 s).
    rig.sandbox_admin(create_ms_min=300, create_ms_max=3500)
    assert rig.call("/keys", "POST", keys(6), {"prefer": "wait=0"}).status == 202
    run = rig.newest_run("keys")
    wait_until(lambda: len(cloud_keys(rig)) >= 2, "nothing is created")
    folder = rig.run_folder(run)
    step = max(path.parent for path in rig.control_folder(run).glob("[0-9]*-*/shim.pid"))
    for process in (rig.replicas["r0"].process.pid, pid_in(step / "shim.pid"), pid_in(step / "engine.pid")):
        os.kill(process, signal.SIGKILL)
    rig.replicas["r0"].process.wait()
    (folder / "errored.tfstate").write_text('{"version": 4, "serial": 9, "lineage": "torn", "resources": [{"mode": "man')
    rig.start("r0")
    ended = rig.wait_for_end("keys")
    assert ended["status"] == "RUN_STATUS_APPLIED", (ended, rig.logs()[-3000:])
    assert int(ended["recoveries"]) == 1
    assert sorted(rig.state_ids("keys", "digitalocean_ssh_key")) == cloud_keys(rig)
    assert len(cloud_keys(rig)) == 6


def pid_in(path):
    return int(path.read_text().split()[0])


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_jumps_neither_loses_nor_doubles_a_run(tmp_path, hours):
    clock = JumpingClock(tmp_path)
    rig = Rig(tmp_path / "rig", modules=KEYS, environment=clock.environment)
    try:
        rig.sandbox_admin(create_ms_min=1000, create_ms_max=4000)
        assert rig.call("/keys", "POST", keys(6), {"prefer": "wait=0"}).status == 202
        wait_until(lambda: rig.sandbox_admin()["creates"]["in_flight"] > 0, "nothing is created")
        clock.set(hours * 3600)
        wait_until(lambda: len(cloud_keys(rig)) == 6, "the engine goes on")
        clock.set(0)  # and back: the other jump
        run = rig.wait_for_end("keys")
        assert run["status"] == "RUN_STATUS_APPLIED", (run, rig.logs()[-3000:])
        assert int(run["recoveries"]) == 0
        assert rig.sandbox_admin()["creates"]["made"] == 6, "none is there twice"
        assert sorted(rig.state_ids("keys", "digitalocean_ssh_key")) == cloud_keys(rig)
        assert rig.call("/keys", "DELETE").status == 200, "nothing is stuck"
    finally:
        rig.stop()


def test_a_provider_that_hangs_is_stopped_and_the_state_is_true(tmp_path):
    rig = Rig(tmp_path, modules=KEYS, flags=["--run-minutes-max=1", "--cancel-seconds-max=2"])
    try:
        variables = keys(3)
        assert rig.call("/keys", "POST", variables).status == 201
        before = sorted(rig.state_ids("keys", "digitalocean_ssh_key"))
        variables["keys"]["late"] = public_key()
        rig.fault(target="digitalocean", kind="slow", delay_ms=600_000, count=0)
        assert rig.call("/keys", "POST", variables, {"prefer": "wait=0"}).status == 202
        run = rig.wait_for_end("keys", seconds=600)
        rig.clear_faults()
        assert run["status"] == "RUN_STATUS_ERRORED", run
        assert run["error"]["code"] == 4, "DEADLINE_EXCEEDED"
        assert "longer than it may" in run["error"]["message"]
        assert sorted(rig.state_ids("keys", "digitalocean_ssh_key")) == before
        assert cloud_keys(rig) == before
        assert rig.call("/keys", "POST", variables).status == 200, "nothing is stuck"
        assert len(cloud_keys(rig)) == 4
    finally:
        rig.stop()
