"""Provisioning end to end: through the door by REST and gRPC, with OpenTofu, the real provider and the sandbox's cloud."""

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from programs import ROOT, call, grpcurl
from provisioning_rig import Rig, public_key

DROPLET = {"image": "ubuntu-24-04-x64", "name": "test", "region": "lon1", "size": "s-1vcpu-1gb", "monitoring": True, "ipv6": True}
KEYS = ROOT / "services" / "provisioning" / "testdata" / "modules"


def post(gateway, path, body, token, **headers):
    headers = {"content-type": "application/json", **headers}
    return gateway.call(path, token, "POST", headers, json.dumps(body).encode(), timeout=240)


def delete(gateway, path, token):
    return gateway.call(path, token, "DELETE", timeout=240)


def test_a_droplet_from_creation_to_deletion(gateway):
    token = gateway.token(client_id="droplets")
    created = post(gateway, "/droplet", DROPLET, token)
    assert created.status == 201, created.body
    outputs = created.json()
    assert set(outputs) == {"droplet_id", "droplet_ip_address", "droplet_status", "droplet_created_at"}
    assert all(isinstance(value, str) for value in outputs.values())

    other = post(gateway, "/droplet", DROPLET, gateway.token(client_id="other-droplets"))
    assert other.status == 201, other.body
    assert other.json()["droplet_id"] != outputs["droplet_id"], "each tenant has its own"

    again = post(gateway, "/droplet", {**DROPLET, "name": "renamed"}, token)
    assert again.status == 200, again.body
    assert again.json()["droplet_id"] == outputs["droplet_id"], "it is renamed in place"

    gone = delete(gateway, "/droplet", token)
    assert (gone.status, gone.json()) == (200, {})
    assert delete(gateway, "/droplet", token).status == 404


def test_the_same_by_grpcurl(gateway):
    token = gateway.token(client_id="by-grpcurl")
    service = "stratus.provisioning.v1.ProvisioningService"
    stack = {"stack": {"module": "modules/note", "variables": {"title": "one"}}, "stack_id": "by-grpc"}
    created = grpcurl("-d", json.dumps(stack), gateway.address, f"{service}/CreateStack", token=token)
    assert created.returncode == 0, created.stderr
    operation = json.loads(created.stdout)["name"]
    waited = grpcurl(
        "-d",
        json.dumps({"name": operation, "timeout": "100s"}),
        gateway.address,
        "google.longrunning.Operations/WaitOperation",
        token=token,
    )
    assert waited.returncode == 0, waited.stderr
    assert json.loads(waited.stdout)["done"], waited.stdout
    read = grpcurl("-d", '{"name":"stacks/by-grpc"}', gateway.provisioning, f"{service}/GetStack", token=token)
    assert json.loads(read.stdout)["outputs"]["title"] == "one", read.stdout
    deleted = grpcurl("-d", '{"name":"stacks/by-grpc"}', gateway.address, f"{service}/DeleteStack", token=token)
    assert deleted.returncode == 0, deleted.stderr


def test_a_run_is_watched_as_it_goes(gateway):
    token = gateway.token(client_id="watchers")
    begun = post(gateway, "/fleet", {"items": {"a": {}, "b": {}}, "delay_seconds": 2}, token, prefer="wait=0")
    assert begun.status == 202, begun.body
    assert begun.headers["location"] == f"/v1/{begun.json()['operation']}"
    run = gateway.call("/v1/stacks/fleet/runs", token).json()["runs"][0]
    done = subprocess.run(
        ["curl", "-sN", "--max-time", "240", "-H", f"Authorization: Bearer {token}", "-H", "Accept: application/x-ndjson"]
        + [f"{gateway.url}/v1/{run['name']}:watch"],
        capture_output=True,
        text=True,
        check=True,
    )
    events = [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
    sequences = [int(event["sequence"]) for event in events]
    assert sequences == list(range(1, len(events) + 1)), "from 1 on, with no gap"
    statuses = [event["statusChanged"]["to"].removeprefix("RUN_STATUS_") for event in events if "statusChanged" in event]
    assert statuses == ["PENDING", "PLANNING", "APPLYING", "APPLIED"]
    assert sum("plannedChange" in event for event in events) == 2
    finished = [event for event in events if event.get("progress", {}).get("phase") == "PHASE_COMPLETED"]
    assert {event["progress"]["address"] for event in finished} == {'terraform_data.item["a"]', 'terraform_data.item["b"]'}


def test_a_plan_waits_for_approval(gateway):
    token = gateway.token(client_id="approvers")
    stack = {"module": "modules/note", "variables": {"title": "one"}, "approvalPolicy": "APPROVAL_POLICY_MANUAL"}
    assert post(gateway, "/v1/stacks?stack_id=planned", stack, token).status == 200
    run = wait_for_status(gateway, token, "planned", "PLANNED")
    assert run["plan"]["add"] == 1
    plan = gateway.call(f"/v1/{run['name']}/plan", token).json()
    assert [change["action"] for change in plan["changes"]] == ["ACTION_CREATE"]
    wrong = post(gateway, f"/v1/{run['name']}:approve", {"planHash": "0" * 64}, token)
    assert wrong.status == 400, wrong.body
    assert post(gateway, f"/v1/{run['name']}:approve", {"planHash": run["plan"]["planHash"]}, token).status == 200
    wait_for_status(gateway, token, "planned", "APPLIED")
    assert gateway.call("/v1/stacks/planned", token).json()["outputs"]["title"] == "one"


def test_a_running_apply_is_cancelled(gateway):
    token = gateway.token(client_id="cancellers")
    begun = post(gateway, "/fleet", {"items": {"a": {}}, "delay_seconds": 60}, token, prefer="wait=0")
    assert begun.status == 202, begun.body
    run = wait_for_status(gateway, token, "fleet", "APPLYING")
    assert post(gateway, f"/v1/{run['name']}:cancel", {}, token).status == 200
    ended = wait_for_status(gateway, token, "fleet", "CANCELED")
    assert ended["error"]["code"] == 1
    assert delete(gateway, "/fleet", token).status == 200, "nothing is stuck"


def test_a_wrong_variable_starts_no_run(gateway):
    token = gateway.token(client_id="careless")
    refused = post(gateway, "/note", {"titel": "one"}, token)
    assert refused.status == 400
    fields = {violation["field"] for violation in refused.json()["details"][0]["fieldViolations"]}
    assert fields == {"variables.title", "variables.titel"}
    # What only the engine can tell comes back in the same form.
    refused = post(gateway, "/note", {"title": "x" * 121}, token)
    assert refused.status == 400, refused.body
    violations = [violation for detail in refused.json()["details"] for violation in detail.get("fieldViolations", [])]
    assert [violation["field"] for violation in violations] == ["title"], refused.body


def test_drift_is_found(gateway):
    token = gateway.token(client_id="drifters")
    assert post(gateway, "/note", {"title": "one"}, token).status == 201
    assert post(gateway, "/v1/stacks/note:checkDrift", {}, token).status == 200
    wait_for_status(gateway, token, "note", "PLANNED_AND_FINISHED")
    stack = gateway.call("/v1/stacks/note", token).json()
    assert stack["drift"]["drifted"] is False
    assert stack["state"] == "STATE_READY"


def wait_for_status(gateway, token, stack, status, seconds=240):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        run = gateway.call(f"/v1/stacks/{stack}/runs?page_size=1", token).json()["runs"][0]
        if run["status"] == f"RUN_STATUS_{status}":
            return run
        time.sleep(0.05)
    raise AssertionError(f"not {status}: {run}")


def test_calls_on_one_stack_run_one_after_another_and_none_is_lost(gateway):
    token = gateway.token(client_id="queuers")
    titles = [f"title {i}" for i in range(20)]
    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda title: post(gateway, "/note", {"title": title}, token, prefer="wait=59"), titles))
    assert all(reply.status in (200, 201) for reply in replies), [(r.status, r.body) for r in replies]
    assert sorted(reply.json()["title"] for reply in replies)[0].startswith("title")
    runs = gateway.call("/v1/stacks/note/runs?page_size=100", token).json()["runs"]
    assert len(runs) == 20
    assert {run["status"] for run in runs} == {"RUN_STATUS_APPLIED"}
    spans = sorted((run["startTime"], run["endTime"]) for run in runs)
    assert all(earlier[1] <= later[0] for earlier, later in zip(spans, spans[1:], strict=False)), "never two at once"


def test_many_tenants_at_once_all_end_right(gateway):
    tokens = {f"tenant-{i}": gateway.token(client_id=f"tenant-{i}") for i in range(5)}

    def create(number):
        tenant = f"tenant-{number % 5}"
        return tenant, post(gateway, f"/note?stack=n{number}", {"title": f"{tenant} {number}"}, tokens[tenant])

    with ThreadPoolExecutor(50) as pool:
        replies = list(pool.map(create, range(50)))
    for number, (tenant, reply) in enumerate(replies):
        assert reply.status == 201, reply.body
        assert reply.json()["title"] == f"{tenant} {number}"
    for tenant, token in tokens.items():
        stacks = gateway.call("/v1/stacks?page_size=100", token).json()["stacks"]
        assert len(stacks) == 10, tenant
        assert {stack["state"] for stack in stacks} == {"STATE_READY"}


@pytest.fixture
def rig(request, tmp_path):
    rig = Rig(tmp_path, modules=KEYS, **getattr(request, "param", {}))
    yield rig
    rig.stop()


def test_sigterm_leaves_the_engine_running_and_the_next_start_takes_it_up(rig):
    rig.sandbox_admin(create_ms_min=5000, create_ms_max=6000)
    keys = {f"k{i}": public_key() for i in range(4)}
    assert rig.call("/keys", "POST", {"keys": keys}, {"prefer": "wait=0"}).status == 202
    rig.wait_for_creates()
    assert rig.replicas["r0"].stop() == 0, rig.logs()
    assert rig.sandbox_admin()["creates"]["in_flight"] > 0, "the engine goes on"
    rig.start("r0")
    run = rig.wait_for_end("keys")
    assert run["status"] == "RUN_STATUS_APPLIED", run
    assert int(run["recoveries"]) == 0, "it was adopted, not recovered"
    assert len(rig.state_ids("keys", "digitalocean_ssh_key")) == 4


@pytest.mark.parametrize("rig", [{"store": "postgresql", "replicas": 2}], indirect=True)
def test_another_replica_takes_over_from_one_that_was_killed(rig):
    rig.sandbox_admin(create_ms_min=1000, create_ms_max=3000)
    keys = {f"k{i}": public_key() for i in range(6)}
    assert rig.call("/keys", "POST", {"keys": keys}, {"prefer": "wait=0"}).status == 202
    rig.wait_for_creates()
    # Whichever replica drives the run is killed: the other one answers from now on.
    driver = next(name for name, program in rig.replicas.items() if drives_a_run(program))
    other = "r1" if driver == "r0" else "r0"
    rig.kill(driver)
    rig.gateway_to(other)
    run = rig.wait_for_end("keys")
    assert run["status"] == "RUN_STATUS_APPLIED", (run, rig.logs()[-3000:])
    assert len(rig.state_ids("keys", "digitalocean_ssh_key")) == 6
    assert rig.sandbox_admin()["creates"]["made"] == 6, "none is there twice"
    assert rig.call("/keys", "DELETE").status == 200, "nothing is stuck"


def drives_a_run(program):
    metrics = call(f"http://{program.addresses['admin']}/metrics").body.decode()
    return "stratus_provisioning_runs_under_way 1" in metrics
