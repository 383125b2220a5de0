"""States in S3, locked there or in DynamoDB: against moto, with the real engine, and with tofu run by hand beside it."""

import hashlib
import json
import os
import pathlib
import signal
import time

import pytest
from programs import ROOT, call
from provisioning_rig import Rig, public_key
from s3_rig import BUCKET, CREDENTIALS, S3, Tofu

KEYS = ROOT / "services" / "provisioning" / "testdata" / "modules"


@pytest.fixture(params=["s3", "dynamodb"])
def s3(request):
    service = S3(request.param)
    yield service
    service.stop()


@pytest.fixture
def rig(s3, tmp_path):
    environment = s3.environment
    if s3.lock == "dynamodb":
        # What opens the bucket may be in the environment, or in the secrets file.
        secrets = tmp_path / "secrets.yaml"
        secrets.write_text(json.dumps({"state": CREDENTIALS}))
        secrets.chmod(0o600)
        environment = {"AWS_REGION": environment["AWS_REGION"], "STRATUS_PROVISIONING_SECRETS_FILE": str(secrets)}
    rig = Rig(tmp_path, modules=KEYS, flags=s3.flags, environment=environment)
    yield rig
    rig.stop()


def keys_of(*names):
    return {name: public_key() for name in names}


def apply(rig, keys, wait=100):
    return rig.call("/keys", "POST", {"keys": keys}, {"prefer": f"wait={wait}"})


def engine_pid(rig):
    folder = rig.control_folder(rig.newest_run("keys"))
    return int(sorted(folder.glob("[0-9]*-*/engine.pid"))[-1].read_text().split()[0])


def error_of(run):
    return run["error"]["message"]


def assert_in_step(rig, s3, key):
    """Bucket and service have the same state, nobody has locked it, and its digest is right."""
    body = s3.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    assert json.loads(body) == rig.state("keys")
    assert s3.lock_info(key) is None
    assert s3.digest(key) == (hashlib.md5(body).hexdigest() if s3.lock == "dynamodb" else None)


def test_a_stack_from_creation_to_deletion(rig, s3, tmp_path):
    keys = keys_of("a", "b")
    created = apply(rig, keys)
    assert created.status == 201, (created.body, rig.logs()[-3000:])
    key = s3.state_key()
    assert key.startswith("tests/stratus/dev/"), key
    assert_in_step(rig, s3, key)

    by_hand = Tofu(s3, key, tmp_path / "by-hand")
    pulled = by_hand.run("state", "pull")
    assert json.loads(pulled.stdout) == rig.state("keys"), pulled.stderr
    assert 'digitalocean_ssh_key.key["a"]' in by_hand.run("state", "list").stdout

    assert apply(rig, {**keys, **keys_of("c")}).status == 200
    assert len(rig.state_ids("keys", "digitalocean_ssh_key")) == 3
    assert_in_step(rig, s3, key)

    assert rig.call("/keys", "DELETE").status == 200
    assert s3.keys() == [], "the state of a stack that is gone is gone"
    assert s3.digest(key) is None


def test_the_bucket_is_out_of_the_engines_reach(rig, s3):
    rig.sandbox_admin(create_ms_min=3000, create_ms_max=3000)
    assert apply(rig, keys_of("a"), wait=0).status == 202
    rig.wait_for_creates()
    environment = pathlib.Path(f"/proc/{engine_pid(rig)}/environ").read_bytes()
    assert b"AWS_" not in environment
    secret = CREDENTIALS["AWS_SECRET_ACCESS_KEY"].encode()
    for file in (rig.folder / "data").rglob("*"):
        if file.is_file():
            assert secret not in file.read_bytes(), file
    assert rig.wait_for_end("keys")["status"] == "RUN_STATUS_APPLIED"
    assert secret.decode() not in rig.logs()


@pytest.mark.parametrize("victims", ["engine", "engine and service"])
def test_a_killed_engine_loses_nothing_and_leaves_no_lock(rig, s3, victims):
    # Some are under way when the kill comes, and there before recovery looks (the finder's settle_time of 5 s).
    rig.sandbox_admin(create_ms_min=300, create_ms_max=3500)
    keys = keys_of(*(f"k{i}" for i in range(6)))
    assert apply(rig, keys, wait=0).status == 202
    rig.wait_for_creates()
    run = rig.newest_run("keys")
    uid = rig_stack_uid(rig)
    held = s3.lock_info(f"tests/stratus/dev/{uid}.tfstate")
    assert held["Info"].startswith(f"stratus stack={uid} run={run['name'].rsplit('/', 1)[1]} epoch="), held
    os.kill(engine_pid(rig), signal.SIGKILL)
    if victims == "engine and service":
        rig.kill("r0")
        rig.start("r0")
    run = rig.wait_for_end("keys")
    assert run["status"] == "RUN_STATUS_APPLIED", (run, rig.logs()[-4000:])
    assert int(run["recoveries"]) >= 1
    assert len(rig.state_ids("keys", "digitalocean_ssh_key")) == 6
    assert rig.sandbox_admin()["creates"]["made"] == 6, "none is there twice"
    key = s3.state_key()
    assert_in_step(rig, s3, key)
    assert apply(rig, {**keys, **keys_of("next")}).status == 200, "nothing is stuck"
    assert rig.call("/keys", "DELETE").status == 200


def rig_stack_uid(rig):
    return rig.call("/v1/stacks/keys").json()["uid"]


def test_a_killed_service_finds_its_engine_and_its_lock_again(rig, s3):
    rig.sandbox_admin(create_ms_min=2500, create_ms_max=3000)
    assert apply(rig, keys_of("a", "b"), wait=0).status == 202
    rig.wait_for_creates()
    rig.kill("r0")
    rig.start("r0")
    run = rig.wait_for_end("keys")
    assert run["status"] == "RUN_STATUS_APPLIED", (run, rig.logs()[-4000:])
    assert int(run["recoveries"]) == 0, "it was adopted"
    assert_in_step(rig, s3, s3.state_key())


def test_another_replica_takes_over_with_the_lock(tmp_path):
    s3 = S3("s3")
    rig = Rig(tmp_path, store="postgresql", modules=KEYS, replicas=2, flags=s3.flags, environment=s3.environment)
    try:
        rig.sandbox_admin(create_ms_min=1000, create_ms_max=3000)
        keys = keys_of(*(f"k{i}" for i in range(6)))
        assert apply(rig, keys, wait=0).status == 202
        rig.wait_for_creates()
        driver = next(name for name, program in rig.replicas.items() if drives_a_run(program))
        other = "r1" if driver == "r0" else "r0"
        os.kill(engine_pid(rig), signal.SIGKILL)
        rig.kill(driver)
        rig.gateway_to(other)
        run = rig.wait_for_end("keys")
        assert run["status"] == "RUN_STATUS_APPLIED", (run, rig.logs()[-3000:])
        assert len(rig.state_ids("keys", "digitalocean_ssh_key")) == 6
        assert rig.sandbox_admin()["creates"]["made"] == 6, "none is there twice"
        assert_in_step(rig, s3, s3.state_key())
        assert apply(rig, {**keys, **keys_of("next")}).status == 200, "nothing is stuck"
    finally:
        rig.stop()
        s3.stop()


def drives_a_run(program):
    metrics = call(f"http://{program.addresses['admin']}/metrics").body.decode()
    return "stratus_provisioning_runs_under_way 1" in metrics


def test_an_outage_of_the_bucket_is_ridden_out(rig, s3):
    rig.sandbox_admin(create_ms_min=3000, create_ms_max=3500)
    assert apply(rig, keys_of("a", "b"), wait=0).status == 202
    rig.wait_for_creates()
    s3.go_down()
    deadline = time.monotonic() + 240
    while "a state write was refused" not in rig.logs():
        assert time.monotonic() < deadline, rig.logs()[-3000:]
        time.sleep(0.05)
    assert rig.newest_run("keys")["status"] == "RUN_STATUS_APPLYING"
    s3.come_back()
    run = rig.wait_for_end("keys")
    assert run["status"] == "RUN_STATUS_APPLIED", (run, rig.logs()[-4000:])
    assert len(rig.state_ids("keys", "digitalocean_ssh_key")) == 2
    assert_in_step(rig, s3, s3.state_key())


def test_a_plan_is_stale_once_tofu_has_changed_the_state(rig, s3, tmp_path):
    keys = keys_of("a", "b")
    stack = {"module": "modules/keys", "variables": {"keys": keys}, "approvalPolicy": "APPROVAL_POLICY_MANUAL"}
    assert rig.call("/v1/stacks?stack_id=keys", "POST", stack).status == 200
    approve(rig)
    assert rig.wait_for_end("keys")["status"] == "RUN_STATUS_APPLIED"

    more = {"variables": {"keys": {**keys, **keys_of("c")}}}
    assert rig.call("/v1/stacks/keys?updateMask=variables", "PATCH", more).status == 200
    wait_for_plan(rig)
    key = s3.state_key()
    assert s3.lock_info(key) is None, "who waits for approval holds no lock"
    assert Tofu(s3, key, tmp_path / "by-hand").run("state", "rm", 'digitalocean_ssh_key.key["a"]').returncode == 0
    approve(rig)
    run = rig.wait_for_end("keys")
    assert run["status"] == "RUN_STATUS_ERRORED"
    assert "the state has moved on since the plan was made" in error_of(run), error_of(run)
    assert rig.sandbox_admin()["creates"]["made"] == 2


def wait_for_plan(rig):
    deadline = time.monotonic() + 240
    while rig.newest_run("keys")["status"] != "RUN_STATUS_PLANNED":
        assert time.monotonic() < deadline, rig.logs()[-3000:]
        time.sleep(0.05)
    return rig.newest_run("keys")


def approve(rig):
    run = wait_for_plan(rig)
    approved = rig.call(f"/v1/{run['name']}:approve", "POST", {"planHash": run["plan"]["planHash"]})
    assert approved.status == 200, approved.body


def test_somebody_elses_lock_is_respected(rig, s3):
    keys = keys_of("a")
    assert apply(rig, keys).status == 201
    key = s3.state_key()
    before = s3.state(key)
    identifier = s3.put_lock(key)
    refused = apply(rig, {**keys, **keys_of("b")})
    assert refused.status == 400, refused.body
    run = rig.newest_run("keys")
    assert run["status"] == "RUN_STATUS_ERRORED"
    assert "lock" in error_of(run) and identifier in error_of(run) and "ann@laptop" in error_of(run), error_of(run)
    assert s3.lock_info(key)["ID"] == identifier, "it is not broken"
    assert s3.state(key) == before
    assert rig.sandbox_admin()["creates"]["made"] == 1

    if s3.lock == "s3":
        s3.s3.delete_object(Bucket=BUCKET, Key=f"{key}.tflock")
    else:
        s3.dynamodb.delete_item(TableName="locks", Key={"LockID": {"S": f"{BUCKET}/{key}"}})
    assert apply(rig, {**keys, **keys_of("b")}).status == 200
    assert_in_step(rig, s3, key)


def test_tofu_by_hand_respects_the_lock_of_a_run(rig, s3, tmp_path):
    keys = keys_of("a")
    assert apply(rig, keys).status == 201
    key = s3.state_key()
    by_hand = Tofu(s3, key, tmp_path / "by-hand")
    rig.sandbox_admin(create_ms_min=8000, create_ms_max=8000)
    assert apply(rig, {**keys, **keys_of("b")}, wait=0).status == 202
    rig.wait_for_creates()
    refused = by_hand.run("state", "rm", 'digitalocean_ssh_key.key["a"]')
    assert refused.returncode != 0
    assert "stratus stack=" in refused.stderr, refused.stderr
    assert rig.wait_for_end("keys")["status"] == "RUN_STATUS_APPLIED"
    assert len(rig.state_ids("keys", "digitalocean_ssh_key")) == 2


def test_what_tofu_changes_by_hand_becomes_a_version(rig, s3, tmp_path):
    keys = keys_of("a", "b")
    assert apply(rig, keys).status == 201
    key = s3.state_key()
    by_hand = Tofu(s3, key, tmp_path / "by-hand")
    removed = by_hand.run("state", "rm", 'digitalocean_ssh_key.key["a"]')
    assert removed.returncode == 0, removed.stderr
    assert apply(rig, {"b": keys["b"]}).status == 200
    assert rig.sandbox_admin()["creates"]["made"] == 2, "what was forgotten is not destroyed, and what is there stays"
    assert len(rig.state_ids("keys", "digitalocean_ssh_key")) == 1
    versions = rig.call("/v1/stacks/keys/stateVersions").json()["stateVersions"]
    assert any(not version.get("run") for version in versions), "one was made by no run"
    assert_in_step(rig, s3, key)


def test_a_rollback_reaches_the_bucket_at_once(rig, s3):
    keys = keys_of("a")
    assert apply(rig, keys).status == 201
    key = s3.state_key()
    first = s3.state(key)
    assert apply(rig, {**keys, **keys_of("b")}).status == 200
    latest = s3.state(key)
    rolled = rig.call("/v1/stacks/keys:rollBack", "POST", {"stateVersion": f"stacks/keys/stateVersions/{first['serial']}"})
    assert rolled.status == 200, rolled.body
    assert s3.state(key) == {**first, "serial": latest["serial"] + 1}
    assert_in_step(rig, s3, key)


def test_a_state_that_does_not_go_with_the_stack_stops_the_run(rig, s3):
    keys = keys_of("a")
    assert apply(rig, keys).status == 201
    key = s3.state_key()
    good = s3.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    for bad in (b"no state", json.dumps({**json.loads(good), "lineage": "another", "serial": 99}).encode(), good + b" "):
        s3.put_state(key, bad)
        assert apply(rig, {**keys, **keys_of("b")}).status == 400
        run = rig.newest_run("keys")
        assert run["status"] == "RUN_STATUS_ERRORED"
        assert f"s3://{BUCKET}/{key} was changed by somebody else" in error_of(run), error_of(run)
        assert s3.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == bad, "it is not overwritten"
    s3.put_state(key, good)
    assert apply(rig, {**keys, **keys_of("b")}).status == 200


def test_a_bucket_that_is_not_there_stops_the_start(s3, tmp_path):
    flags = [flag.replace(f"bucket={BUCKET}", "bucket=nobody") for flag in s3.flags]
    with pytest.raises(RuntimeError, match="s3://nobody"):
        Rig(tmp_path, modules=KEYS, flags=flags, environment=s3.environment)
