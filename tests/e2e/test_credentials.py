"""Provider credentials of tenants and stacks, from the API to the provider's cloud, and nowhere else."""

import json
import os
import shutil
import signal
import subprocess
import time

import pytest
from programs import ROOT, call
from provisioning_rig import Rig, public_key

MODULES = ROOT / "services" / "provisioning" / "testdata" / "modules"
TOKENS = {"ann": "dop_v1_anns-own-token-0123456789", "bob": "dop_v1_bobs-own-token-9876543210"}
STACK_TOKEN = "dop_v1_token-of-one-stack-5555"
SERVER_TOKEN = "dop_v1_sandbox"  # what a development server has for all


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    folder = tmp_path_factory.mktemp("credentials")
    for name in ("keys", "nested"):
        shutil.copytree(MODULES / name, folder / "modules" / name)
    rig = Rig(folder / "rig", modules=folder / "modules", flags=["--server-credentials=server-tenant"])
    yield rig
    rig.stop()


def scoped(rig, scope, path, method="GET", body=None, client="ann"):
    """A call with a token of one scope."""
    asked = json.dumps({"client_id": client, "scope": scope}).encode()
    kind = {"content-type": "application/json"}
    token = call(f"http://{rig.sandbox_address}/admin/token", "POST", kind, asked).json()["access_token"]
    address = f"http://{rig.gateway.addresses['gateway']}{path}"
    return call(address, method, {"authorization": f"Bearer {token}", **kind}, json.dumps(body).encode() if body else None)


def set_token(rig, name, token, client="ann"):
    body = {"variables": {"DIGITALOCEAN_TOKEN": token}}
    reply = rig.call(f"/v1/{name}?allowMissing=true", "PATCH", body, client=client)
    assert reply.status == 200, reply.body
    return reply.json()


def cloud_keys(rig, token):
    """The names of the keys in the account that a token opens."""
    reply = call(f"http://{rig.sandbox_address}/v2/account/keys", headers={"authorization": f"Bearer {token}"})
    assert reply.status == 200, reply.body
    return {key["name"] for key in reply.json()["ssh_keys"]}


def apply_key(rig, stack, key, client="ann", expected=201):
    reply = rig.call(f"/keys?stack={stack}", "POST", {"keys": {key: public_key()}}, client=client)
    assert reply.status == expected, reply.body
    return reply


def everything_told(rig, stack, client):
    """All that the API says of a stack and its newest run, and all that the service logs."""
    run = rig.newest_run(stack, client)
    events = subprocess.run(
        ["curl", "-sN", "--max-time", "240", "-H", f"Authorization: Bearer {rig.token(client)}"]
        + ["-H", "Accept: application/x-ndjson", f"http://{rig.gateway.addresses['gateway']}/v1/{run['name']}:watch"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    paths = [f"/v1/stacks/{stack}", f"/v1/{run['name']}", f"/v1/{run['name']}/plan", "/v1/credentials"]
    paths += [f"/v1/stacks/{stack}/credentials", f"/v1/stacks/{stack}/outputs:reveal", "/v1/modules/keys", "/openapi.json"]
    replies = "".join(rig.call(path, client=client).body.decode() for path in paths)
    database = b"".join(path.read_bytes() for path in (rig.folder / "data").glob("provisioning.db*"))
    return replies + events + rig.logs() + rig.gateway.log() + database.decode("latin-1")


def test_each_tenant_uses_its_own_and_sees_no_others(rig):
    for tenant, token in TOKENS.items():
        shown = set_token(rig, "credentials/digitalocean", token, tenant)
        assert (shown["provider"], shown["variableNames"]) == ("digitalocean/digitalocean", ["DIGITALOCEAN_TOKEN"])
        assert "variables" not in shown or shown["variables"] == {}
        apply_key(rig, "own", f"of-{tenant}", tenant)
    for tenant, token in TOKENS.items():
        assert cloud_keys(rig, token) == {f"of-{tenant}"}
        used = rig.newest_run("own", tenant)["credentials"]
        listed = rig.call("/v1/credentials", client=tenant).json()["credentials"]
        assert [one["name"] for one in listed] == ["credentials/digitalocean"]
        assert used == [
            {
                "provider": "digitalocean/digitalocean",
                "source": "SOURCE_TENANT",
                "credential": "credentials/digitalocean",
                "etag": listed[0]["etag"],
            }
        ]
        told = everything_told(rig, "own", tenant)
        for secret in TOKENS.values():
            assert secret not in told and secret[7:] not in told
    assert cloud_keys(rig, SERVER_TOKEN) == set()


def test_a_stacks_own_comes_before_the_tenants_and_goes_with_the_stack(rig):
    set_token(rig, "credentials/digitalocean", TOKENS["ann"])
    set_token(rig, "stacks/special/credentials/digitalocean", STACK_TOKEN)  # before the stack is there
    apply_key(rig, "special", "of-the-stack")
    assert "of-the-stack" in cloud_keys(rig, STACK_TOKEN)
    assert "of-the-stack" not in cloud_keys(rig, TOKENS["ann"])
    assert rig.newest_run("special", "ann")["credentials"][0]["source"] == "SOURCE_STACK"
    assert STACK_TOKEN not in everything_told(rig, "special", "ann")
    assert rig.call("/keys?stack=special", "DELETE", client="ann").status == 200
    assert cloud_keys(rig, STACK_TOKEN) == set()
    assert rig.call("/v1/stacks/special/credentials", client="ann").json().get("credentials", []) == []


def test_the_servers_own_is_for_whom_the_operator_lets(rig):
    refused = rig.call("/keys", "POST", {"keys": {"x": public_key()}}, client="eve")
    assert refused.status == 400, refused.body
    problem = refused.json()
    assert problem["code"] == 9
    for word in ("stacks/keys/credentials/digitalocean", "credentials/digitalocean", "--server-credentials"):
        assert word in problem["message"]
    assert SERVER_TOKEN not in refused.body.decode()
    apply_key(rig, "lent", "of-the-server", "server-tenant")
    assert "of-the-server" in cloud_keys(rig, SERVER_TOKEN)
    used = rig.newest_run("lent", "server-tenant")["credentials"]
    assert used == [{"provider": "digitalocean/digitalocean", "source": "SOURCE_SERVER", "credential": "", "etag": ""}]


def test_writing_needs_its_scope(rig):
    body = {"variables": {"DIGITALOCEAN_TOKEN": "dop_v1_no"}}
    path = "/v1/credentials/digitalocean"
    for scope in ("stratus/stacks.read", "stratus/stacks.update stratus/runs.create stratus/state.write"):
        assert scoped(rig, scope, f"{path}?allowMissing=true", "PATCH", body).status == 403
        assert scoped(rig, scope, path, "DELETE").status == 403
    assert scoped(rig, "stratus/credentials.write", f"{path}?allowMissing=true", "PATCH", body, "scoped").status == 200
    assert scoped(rig, "stratus/stacks.read", path, client="scoped").status == 200
    assert scoped(rig, "stratus/runs.read", path, client="scoped").status == 403
    assert scoped(rig, "stratus/credentials.write", path, "DELETE", client="scoped").status == 200
    assert scoped(rig, "stratus/stacks.read", path, client="scoped").status == 404


@pytest.mark.parametrize(
    "variables",
    [
        {"DIGITALOCEAN_API_URL": "hush-hush-hush"},
        {"DIGITALOCEAN_TOKEN": ["hush-hush-hush"]},
        {"DIGITALOCEAN_TOKEN": {"x": "hush-hush-hush"}},
        {"hush-hush-hush": "DIGITALOCEAN_TOKEN"},
        ["hush-hush-hush"],
        "hush-hush-hush",
    ],
)
def test_what_is_refused_is_not_repeated(rig, variables):
    reply = rig.call("/v1/credentials/digitalocean?allowMissing=true", "PATCH", {"variables": variables}, client="ann")
    assert reply.status == 400, reply.body
    assert b"hush-hush" not in reply.body
    assert "hush-hush" not in rig.logs() + rig.gateway.log()


def test_a_provider_of_a_child_module_gets_its_credential(rig):
    """The root of `nested` names no provider; without the token and the address it would ask the real cloud."""
    set_token(rig, "credentials/digitalocean", TOKENS["bob"], "bob")
    assert rig.call("/v1/modules/nested", client="bob").json()["providers"] == ["registry.opentofu.org/digitalocean/digitalocean"]
    made = rig.call("/nested", "POST", {"key": public_key()}, client="bob")
    assert made.status == 201, made.body
    assert "nested" in cloud_keys(rig, TOKENS["bob"])
    assert rig.call("/nested", "DELETE", client="bob").status == 200


def test_the_schema_says_that_values_are_written_only(rig):
    schema = rig.call("/openapi.json").json()["components"]["schemas"]["stratus.provisioning.v1.Credential"]
    assert schema["properties"]["variables"]["writeOnly"] is True


def strike_in_flight(rig, stack, client, meanwhile):
    """Kills service and engine while a key is being made, after `meanwhile`; the key is there a moment later."""
    rig.sandbox_admin(create_ms_min=3000, create_ms_max=3000)
    body = {"keys": {"in-flight": public_key()}}
    assert rig.call(f"/keys?stack={stack}", "POST", body, {"prefer": "wait=0"}, client).status == 202
    rig.wait_for_creates()
    meanwhile()
    uid = rig.newest_run(stack, client)["name"].rsplit("/", 1)[1]
    step = next((rig.folder / "data").glob(f"*/{uid}/1-apply/engine.pid")).parent
    pids = [int((step / name).read_text().split()[0]) for name in ("shim.pid", "engine.pid")]
    for pid in (rig.replicas["r0"].process.pid, *pids):
        os.kill(pid, signal.SIGKILL)
    rig.replicas["r0"].process.wait()
    rig.sandbox_admin(create_ms_min=0, create_ms_max=0)
    rig.start("r0")


def test_a_run_that_is_taken_over_goes_on_with_what_it_began_with(rig):
    """Recovery searches the account in which the dead engine has made something, whatever the tenant has set since."""
    before = "dop_v1_before-the-rotation-1111"
    after = "dop_v1_after-the-rotation-2222"
    set_token(rig, "credentials/digitalocean", before, "rotator")
    strike_in_flight(rig, "turned", "rotator", lambda: set_token(rig, "credentials/digitalocean", after, "rotator"))
    ended = rig.wait_for_end("turned", client="rotator")
    assert ended["status"] == "RUN_STATUS_APPLIED", ended
    assert cloud_keys(rig, before) == {"in-flight"}
    assert cloud_keys(rig, after) == set()


def test_a_run_whose_credential_is_gone_waits_for_one_and_looks_with_no_other(rig):
    name = "credentials/digitalocean"
    set_token(rig, name, "dop_v1_that-is-deleted-3333", "deleter")
    strike_in_flight(rig, "left", "deleter", lambda: rig.call(f"/v1/{name}", "DELETE", client="deleter"))
    deadline = time.monotonic() + 240
    while rig.newest_run("left", "deleter")["status"] != "RUN_STATUS_INTERRUPTED":
        assert time.monotonic() < deadline, rig.newest_run("left", "deleter")
        time.sleep(0.1)
    set_token(rig, name, "dop_v1_set-since-then-4444", "deleter")
    ended = rig.wait_for_end("left", client="deleter")
    assert ended["status"] == "RUN_STATUS_ERRORED", ended
    assert any("a credential that is not there any more" in note for note in ended["recoveryNotes"]), ended
    assert cloud_keys(rig, "dop_v1_set-since-then-4444") == set(), "what may be there already is not made again"


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_plan_is_applied_in_no_other_account_than_it_was_made_in(rig, when):
    """Who may set credentials and nothing else would destroy a stack's record, and leave its resources."""
    stack, own, other = f"kept-{when}", f"dop_v1_the-stacks-own-{when}", f"dop_v1_somebody-elses-{when}"
    credential = f"stacks/{stack}/credentials/digitalocean"
    set_token(rig, credential, own, "keeper")
    apply_key(rig, stack, f"key-{when}", "keeper")
    manual = {"approvalPolicy": "APPROVAL_POLICY_MANUAL"}
    destroy = rig.call(f"/v1/stacks/{stack}/runs", "POST", {"kind": "RUN_KIND_DESTROY", **manual}, client="keeper")
    assert destroy.status == 200, destroy.body
    name = destroy.json()["name"]
    deadline = time.monotonic() + 240
    while (run := rig.call(f"/v1/{name}", client="keeper").json())["status"] != "RUN_STATUS_PLANNED":
        assert time.monotonic() < deadline, run
        time.sleep(0.05)

    def swap():
        body = {"variables": {"DIGITALOCEAN_TOKEN": other}}
        reply = scoped(rig, "stratus/credentials.write", f"/v1/{credential}", "PATCH", body, "keeper")
        assert reply.status == 200, reply.body

    approve = {"planHash": run["plan"]["planHash"]}
    if when == "before":
        swap()
        refused = rig.call(f"/v1/{name}:approve", "POST", approve, client="keeper")
        assert refused.status == 400, refused.body
        assert "a credential has changed since the plan was made" in refused.json()["message"]
    else:
        # A held stack's runs do not begin: the credential is swapped between the approval and its apply.
        assert rig.call(f"/v1/stacks/{stack}:lock", "POST", {}, client="keeper").status == 200
        assert rig.call(f"/v1/{name}:approve", "POST", approve, client="keeper").status == 200
        swap()
        assert rig.call(f"/v1/stacks/{stack}:unlock", "POST", {}, client="keeper").status == 200
        ended = rig.wait_for_end(stack, client="keeper")
        assert ended["status"] == "RUN_STATUS_ERRORED", ended
        assert "a credential has changed since the plan was made" in ended["error"]["message"]
    assert cloud_keys(rig, own) == {f"key-{when}"}
    assert rig.call(f"/v1/stacks/{stack}", client="keeper").json()["resourceCount"] == 1
