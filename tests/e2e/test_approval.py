"""What waits for a person waits whatever is tried, and the audit log tells who tried: through the door, with OpenTofu."""

import contextlib
import json
import os
import signal
import sqlite3
import time
import urllib.parse

import pytest
from programs import ROOT, call
from provisioning_rig import Rig, audit, public_key

MODULES = ROOT / "services" / "provisioning" / "modules"
TEST_MODULES = ROOT / "services" / "provisioning" / "testdata" / "modules"
MANUAL = "APPROVAL_POLICY_MANUAL"
ON_DESTROY = "APPROVAL_POLICY_MANUAL_ON_DESTROY"
AUTO = "APPROVAL_POLICY_AUTO"


class People(Rig):
    """A rig whose tenants are shared: a claim of the tokens names them."""

    def __init__(self, folder, **options):
        self.audit_file = folder / "audit.log"
        folder.mkdir(parents=True, exist_ok=True)
        environment = {"COGNITO_TENANT_KEY": "custom:tenant"}
        super().__init__(folder, flags=[f"--audit-file={self.audit_file}"], environment=environment, **options)

    def token(self, client="ann", scope=""):
        wish = {"client_id": "app", "username": client, "scope": scope, "claims": {"custom:tenant": "acme"}}
        where = f"http://{self.sandbox_address}/admin/token"
        reply = call(where, "POST", {"content-type": "application/json"}, json.dumps(wish).encode())
        assert reply.status == 200, reply.body
        return reply.json()["access_token"]

    def ask(self, path, method="GET", body=None, who="eve", scope="stratus/nothing", **headers):
        """A call of somebody who has these scopes alone."""
        headers = {"authorization": f"Bearer {self.token(who, scope)}", "content-type": "application/json", **headers}
        data = json.dumps(body).encode() if body is not None else None
        return call(f"http://{self.gateway.addresses['gateway']}{path}", method, headers, data, 240)

    def make(self, stack, policy, variables=None, module="note", **settings):
        body = {"module": f"modules/{module}", "variables": variables or {"title": "one"}, "approvalPolicy": policy, **settings}
        made = self.call(f"/v1/stacks?stack_id={stack}", "POST", body, client="ann")
        assert made.status == 200, made.body

    def wait_for(self, stack, status):
        deadline = time.monotonic() + 240
        while (run := self.newest_run(stack))["status"] != f"RUN_STATUS_{status}":
            assert run.get("error") is None, run["error"]
            assert time.monotonic() < deadline, (run, self.logs()[-3000:])
            time.sleep(0.05)
        return run

    def approve(self, stack, who="bob"):
        run = self.wait_for(stack, "PLANNED")
        return self.ask(f"/v1/{run['name']}:approve", "POST", {"planHash": run["plan"]["planHash"]}, who, "stratus/runs.approve")

    def applied(self, stack, policy, **options):
        self.make(stack, policy, **options)
        if policy == MANUAL:
            assert self.approve(stack).status == 200
        return self.wait_for_end(stack)

    def wait_until_gone(self, stack):
        deadline = time.monotonic() + 240
        while self.call(f"/v1/stacks/{stack}").status != 404:
            assert time.monotonic() < deadline, self.logs()[-3000:]
            time.sleep(0.05)

    def events(self, which="", **fields):
        query = urllib.parse.urlencode({"filter": which, **fields})
        reply = self.ask(f"/v1/auditEvents?{query}", scope="stratus/audit.read")
        assert reply.status == 200, reply.body
        return reply.json()

    def title(self, stack):
        return self.call(f"/v1/stacks/{stack}").json()["outputs"]["title"]


@pytest.fixture
def rig(request, tmp_path):
    rig = People(tmp_path / "rig", **getattr(request, "param", {}))
    yield rig
    rig.stop()


def test_none_of_the_ways_around_an_approval_leads_anywhere(rig):
    rig.applied("p1", MANUAL)
    # A run that approves itself, a policy that is switched off, a roll-back.
    run = {"approvalPolicy": AUTO}
    assert rig.ask("/v1/stacks/p1/runs", "POST", run, scope="stratus/runs.create").status == 403
    patch = rig.ask("/v1/stacks/p1?updateMask=approval_policy", "PATCH", run, scope="stratus/stacks.update")
    assert patch.status == 403, patch.body
    assert patch.json()["details"][0]["metadata"] == {"any_scope": "stratus/runs.approve"}
    back = {"stateVersion": "stacks/p1/stateVersions/1"}
    assert rig.ask("/v1/stacks/p1:rollBack", "POST", back, scope="stratus/state.write").status == 403
    # The direct form, which is answered as soon as its run waits.
    direct = rig.ask("/note?stack=p1", "POST", {"title": "two"}, scope="stratus/stacks.update", prefer="wait=200")
    assert direct.status == 202, direct.body
    assert direct.json()["done"] is False
    waiting = rig.wait_for("p1", "PLANNED")
    assert rig.title("p1") == "one"
    approve = {"planHash": waiting["plan"]["planHash"]}
    for scope in ("stratus/runs.create", "stratus/runs.cancel", "stratus/stacks.update"):
        assert rig.ask(f"/v1/{waiting['name']}:approve", "POST", approve, scope=scope).status == 403
    # Another run of the same waits behind it, an update of the variables leaves the plan alone, a lock too.
    assert rig.ask("/v1/stacks/p1/runs", "POST", {}, scope="stratus/runs.create").status == 200
    assert rig.ask("/v1/stacks/p1:lock", "POST", {}, scope="stratus/stacks.lock").status == 200
    assert rig.ask("/v1/stacks/p1:unlock", "POST", {}, scope="stratus/stacks.lock").status == 200
    assert rig.title("p1") == "one"
    # Deleted and made anew: the deletion waits in its turn, and the name is taken until then.
    again = {"module": "modules/note", "variables": {"title": "two"}}
    assert rig.ask("/v1/stacks?stack_id=p1", "POST", again, scope="stratus/stacks.create").status == 409
    approved = rig.ask(f"/v1/{waiting['name']}:approve", "POST", {**approve, "comment": "seen"}, "bob", "stratus/runs.approve")
    assert approved.status == 200, approved.body
    deadline = time.monotonic() + 240
    while rig.call(f"/v1/{waiting['name']}").json()["status"] != "RUN_STATUS_APPLIED":
        assert time.monotonic() < deadline, rig.logs()[-3000:]
        time.sleep(0.05)
    assert rig.title("p1") == "two"
    told = rig.call(f"/v1/{waiting['name']}").json()
    assert told["createdBy"]["displayName"] == "eve"
    assert told["createdBy"]["name"] == told["creator"] != told["approved"]["by"]["name"]
    assert told["approved"]["by"]["displayName"] == "bob"
    assert told["approved"]["comment"] == "seen"


def test_a_plan_that_destroys_waits_and_another_goes_on_by_itself(rig):
    rig.make("two", ON_DESTROY, {"items": {"a": {}, "b": {}}}, "fleet")
    assert rig.wait_for_end("two")["status"] == "RUN_STATUS_APPLIED"
    more = {"variables": {"items": {"a": {}, "b": {}, "c": {}}}}
    assert rig.call("/v1/stacks/two?updateMask=variables", "PATCH", more).status == 200
    added = rig.wait_for_end("two")
    assert (added["status"], added["plan"]["add"]) == ("RUN_STATUS_APPLIED", 1)
    assert "approved" not in added
    fewer = {"variables": {"items": {"a": {}}}}
    assert rig.call("/v1/stacks/two?updateMask=variables", "PATCH", fewer).status == 200
    assert rig.wait_for("two", "PLANNED")["plan"]["remove"] == 2
    assert rig.approve("two").status == 200
    assert rig.wait_for_end("two")["status"] == "RUN_STATUS_APPLIED"
    deleted = rig.call("/fleet?stack=two", "DELETE")
    assert deleted.status == 202, deleted.body
    assert rig.approve("two").status == 200
    rig.wait_until_gone("two")
    operation = rig.call(f"/v1/{deleted.json()['operation']}").json()
    assert operation["done"] and "error" not in operation, operation


def test_an_empty_stack_is_not_deleted_unasked_either(rig):
    rig.make("empty", MANUAL)
    planned = rig.wait_for("empty", "PLANNED")
    assert rig.ask(f"/v1/{planned['name']}:discard", "POST", {}, "bob", "stratus/runs.approve").status == 200
    assert rig.ask("/v1/stacks/empty", "DELETE", scope="stratus/stacks.delete").status == 200
    assert rig.approve("empty").status == 200
    rig.wait_until_gone("empty")


def database(rig):
    return contextlib.closing(sqlite3.connect(rig.folder / "data" / "provisioning.db", timeout=30))


def test_an_expiry_waits_and_is_the_platforms(rig):
    rig.applied("old", MANUAL)
    soon = {"ttl": "60s"}
    assert rig.ask("/v1/stacks/old?updateMask=ttl", "PATCH", soon, scope="stratus/stacks.update").status == 200
    with database(rig) as connection, connection:
        connection.execute("UPDATE stacks SET expire_time = 1 WHERE id = 'old'")  # the minute is over
    deadline = time.monotonic() + 240
    while (run := rig.newest_run("old"))["kind"] != "RUN_KIND_DESTROY":
        assert time.monotonic() < deadline, rig.logs()[-3000:]
        time.sleep(0.2)
    assert run["createdBy"]["name"] == run["creator"] == "system"
    rig.wait_for("old", "PLANNED")
    assert rig.title("old") == "one"
    expired = rig.events("method = ExpireStack")["auditEvents"]
    assert [event["principal"]["name"] for event in expired] == ["system"]


@pytest.mark.parametrize("rig", [{"modules": TEST_MODULES}], indirect=True)
def test_recovery_goes_on_with_what_was_approved(rig):
    rig.sandbox_admin(create_ms_min=300, create_ms_max=3500)
    rig.make("keys", MANUAL, {"keys": {f"k{number}": public_key() for number in range(6)}}, "keys")
    assert rig.approve("keys").status == 200
    run = rig.newest_run("keys")
    deadline = time.monotonic() + 240
    while rig.sandbox_admin()["creates"]["made"] < 2:
        assert time.monotonic() < deadline, "nothing is created"
        time.sleep(0.02)
    step = max((path.parent for path in rig.control_folder(run).glob("[0-9]*-*/shim.pid")), key=lambda path: path.stat().st_mtime)
    for name in ("shim.pid", "engine.pid"):
        os.kill(int((step / name).read_text().split()[0]), signal.SIGKILL)
    ended = rig.wait_for_end("keys")
    assert ended["status"] == "RUN_STATUS_APPLIED", (ended, rig.logs()[-3000:])
    assert int(ended["recoveries"]) == 1
    assert len(rig.state_ids("keys", "digitalocean_ssh_key")) == 6
    assert rig.sandbox_admin()["creates"]["made"] == 6


def test_another_approver_is_another_person(rig):
    rig.make("four", MANUAL, otherApproverRequired=True)
    own = rig.approve("four", who="ann")
    assert own.status == 403 and "asked for the run" in own.json()["message"], own.body
    assert rig.approve("four", who="bob").status == 200
    assert rig.wait_for_end("four")["status"] == "RUN_STATUS_APPLIED"
    loose = rig.call("/v1/stacks/four?updateMask=approval_policy", "PATCH", {"approvalPolicy": AUTO}, client="bob")
    assert loose.status == 400 and "another approver" in loose.json()["message"], loose.body


def test_the_audit_log_tells_who_did_what_and_shows_every_change_of_itself(rig):
    rig.applied("p1", MANUAL)
    patch = {"approvalPolicy": AUTO}
    asked = {"x-request-id": "call-7"}
    refused = rig.ask("/v1/stacks/p1?updateMask=approval_policy", "PATCH", patch, "eve", "stratus/stacks.update", **asked)
    assert refused.status == 403
    assert rig.ask("/v1/auditEvents", scope="stratus/stacks.read").status == 403
    events = rig.events()["auditEvents"]
    assert [event["method"] for event in events] == ["UpdateStack", "EndRun", "ApproveRun", "CreateStack"]
    assert events[0]["code"] == "PERMISSION_DENIED"
    assert events[0]["principal"]["displayName"] == "eve"
    assert events[0]["principal"]["name"].startswith("users/")
    assert events[0]["principal"]["issuer"] == rig.environment["COGNITO_ISSUER"]
    assert events[0]["clientAddress"] == "127.0.0.1"
    assert events[0]["requestId"] == "call-7"
    assert events[0]["traceId"]
    assert [int(event["sequence"]) for event in events] == [4, 3, 2, 1]
    by_resource = rig.events('resource = "stacks/p1"', pageSize=1)
    assert [event["method"] for event in by_resource["auditEvents"]] == ["UpdateStack"]
    assert by_resource["nextPageToken"]

    data = f"--data-dir={rig.folder / 'data'}"
    whole = audit("verify", data)
    assert (whole.returncode, whole.stdout) == (0, "whole: 4 records of 1 tenants\n"), whole.stderr
    copy = audit("verify", f"--file={rig.audit_file}")
    assert (copy.returncode, copy.stdout) == (0, "whole: 4 records of 1 tenants\n"), copy.stderr
    assert rig.audit_file.stat().st_mode & 0o777 == 0o600
    assert "one" not in [word for line in rig.audit_file.read_text().splitlines() for word in line.split('"')]

    with database(rig) as connection, connection:
        (line,) = connection.execute("SELECT line FROM audit WHERE sequence = 2").fetchone()
        connection.execute("UPDATE audit SET line = ? WHERE sequence = 2", (line.replace("ApproveRun", "DiscardRun"),))
    broken = audit("verify", data)
    assert broken.returncode == 1
    assert "tenant acme, record 2" in broken.stderr
    with database(rig) as connection, connection:
        connection.execute("UPDATE audit SET line = ? WHERE sequence = 2", (line,))
    text = rig.audit_file.read_text()
    rig.audit_file.write_text(text.replace("PERMISSION_DENIED", "OK"))
    assert f"{rig.audit_file}:4" in audit("verify", f"--file={rig.audit_file}").stderr
