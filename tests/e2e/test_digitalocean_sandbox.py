"""The real DigitalOcean provider under real OpenTofu, against the sandbox's DigitalOcean.

Everything that the provider asks has to be answered as the real API does, on good days and on bad ones. The provider's
own fixed waits make a droplet's creation take 10 s and its removal 20 s.
"""

import base64
import hashlib
import json
import os
import shutil
import signal
import struct
import subprocess
import time

import pytest
from programs import DEPS, ROOT, Program, call

TOFU = DEPS / "bin" / "tofu"
MODULES = ROOT / "services" / "provisioning" / "modules"
BODY = {"image": "ubuntu-24-04-x64", "name": "test", "region": "lon1", "size": "s-1vcpu-1gb", "monitoring": True, "ipv6": True}
RUN_SECONDS_MAX = 600

PROVIDER = """
terraform {
  required_providers {
    digitalocean = {
      source  = "digitalocean/digitalocean"
      version = ">= 1.20"
    }
  }
}
"""

KEYS = (
    PROVIDER
    + """
variable "keys" { type = map(string) }

resource "digitalocean_ssh_key" "this" {
  for_each   = var.keys
  name       = each.key
  public_key = each.value
}
"""
)

FAMILIES = (
    PROVIDER
    + """
variable "purpose" { type = string }
variable "description" { type = string }

resource "digitalocean_tag" "this" {
  name = "Blue:1"
}

resource "digitalocean_vpc" "this" {
  name        = "net"
  region      = "lon1"
  description = var.description
}

resource "digitalocean_project" "this" {
  name        = "shop"
  purpose     = var.purpose
  environment = "staging"
}
"""
)


def public_key(number):
    """An ed25519 key of its own for every number."""
    blob = struct.pack(">I", 11) + b"ssh-ed25519" + struct.pack(">I", 32) + hashlib.sha256(str(number).encode()).digest()
    return f"ssh-ed25519 {base64.b64encode(blob).decode()} someone@example"


def wait_until(condition, seconds=240):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.02)


class Cloud:
    """The sandbox, as its /admin shows it."""

    def __init__(self, program):
        self.program = program
        self.url = f"http://{program.addresses['sandbox']}"

    def _post(self, path, body):
        reply = call(self.url + path, "POST", {"content-type": "application/json"}, json.dumps(body).encode())
        assert reply.status == 200, reply.body

    def set(self, **behaviour):
        self._post("/admin/digitalocean", behaviour)

    def fault(self, target, kind, **more):
        self._post("/admin/faults", {"target": target, "kind": kind, **more})

    def calm(self):
        assert call(self.url + "/admin/faults", "DELETE").status == 200
        self.set(create_ms_min=0, create_ms_max=0, boot_ms_min=200, boot_ms_max=200, release_stuck=True)

    def calls(self, target):
        return call(self.url + "/admin/calls").json()[target]

    def creates(self):
        return call(self.url + "/admin/digitalocean").json()["creates"]

    def account(self, token):
        name = hashlib.sha256(token.encode()).hexdigest()[:16]
        accounts = call(self.url + "/admin/digitalocean").json()["accounts"]
        return next((a for a in accounts if a["account"] == name), None)


class Folder:
    """An initialised folder of OpenTofu's, and the account that it works in."""

    def __init__(self, cloud, path, token, variables=None):
        self.cloud, self.path, self.token = cloud, path, token
        (path / "tofu.rc").write_text(f'provider_installation {{ filesystem_mirror {{ path = "{DEPS / "providers"}" }} }}')
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(path),
            "TF_CLI_CONFIG_FILE": str(path / "tofu.rc"),
            "DIGITALOCEAN_TOKEN": token,
            "DIGITALOCEAN_API_URL": cloud.url,
        }
        self.set(variables or {})
        self.ok("init", "-input=false")

    def set(self, variables):
        (self.path / "terraform.tfvars.json").write_text(json.dumps(variables))

    def start(self, *arguments):
        return subprocess.Popen(
            [TOFU, *arguments, *([] if arguments[0] in ("output", "show", "state") else ["-no-color"])],
            cwd=self.path,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments):
        process = self.start(*arguments)
        text, _ = process.communicate(timeout=RUN_SECONDS_MAX)
        return process.returncode, text

    def ok(self, *arguments):
        code, text = self.run(*arguments)
        assert code == 0, text
        return text

    def apply(self):
        return self.ok("apply", "-auto-approve", "-input=false")

    def destroy(self):
        return self.ok("destroy", "-auto-approve", "-input=false")

    def assert_settled(self):
        code, text = self.run("plan", "-detailed-exitcode", "-input=false")
        assert code == 0, text

    def forget(self):
        for state in self.path.glob("terraform.tfstate*"):
            state.unlink()

    def mine(self):
        return self.cloud.account(self.token)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    assert TOFU.exists() and (DEPS / "providers").exists(), "OpenTofu and the provider are built by scripts/setup.sh test"
    program = Program("stratus-sandbox", tmp_path_factory.mktemp("cloud"), "--listen=127.0.0.1:0", "--profile=development")
    yield Cloud(program)
    assert program.stop() == 0, program.log()


@pytest.fixture
def cloud(sandbox):
    sandbox.calm()
    yield sandbox
    sandbox.calm()


@pytest.fixture
def folder(cloud, tmp_path, request):
    """Makes folders: folder(hcl or a module's path, variables)."""

    def make(source, variables=None, token=None):
        path = tmp_path / f"folder-{len(list(tmp_path.iterdir()))}"
        if isinstance(source, str):
            path.mkdir()
            (path / "main.tf").write_text(source)
        else:
            shutil.copytree(source, path)
        return Folder(cloud, path, token or f"dop_v1_{request.node.name}", variables)

    return make


def ten_keys(prefix="key", base=0):
    return {"keys": {f"{prefix}-{i}": public_key(base + i) for i in range(10)}}


def test_a_droplet_is_created_renamed_imported_and_destroyed(folder):
    work = folder(MODULES / "droplet", BODY)
    work.apply()
    (droplet,) = work.mine()["droplets"]
    outputs = {name: output["value"] for name, output in json.loads(work.ok("output", "-json")).items()}
    public = next(a["ip_address"] for a in droplet["networks"]["v4"] if a["type"] == "public")
    assert outputs == {
        "droplet_id": str(droplet["id"]),
        "droplet_ip_address": public,
        "droplet_status": "active",
        "droplet_created_at": droplet["created_at"],
    }
    assert {"monitoring", "ipv6"} <= set(droplet["features"])
    work.assert_settled()

    work.forget()
    work.ok("import", "-input=false", "digitalocean_droplet.this", str(droplet["id"]))
    work.assert_settled()

    work.set({**BODY, "name": "renamed"})
    text = work.apply()
    assert "0 added, 1 changed, 0 destroyed" in text
    assert [d["name"] for d in work.mine()["droplets"]] == ["renamed"]
    work.destroy()
    assert work.mine()["droplets"] == []


def test_ten_keys_are_created_renamed_imported_and_destroyed(folder, cloud):
    cloud.set(create_ms_min=50, create_ms_max=500)
    work = folder(KEYS, ten_keys())
    work.apply()
    keys = {key["name"]: key for key in work.mine()["ssh_keys"]}
    assert set(keys) == set(ten_keys()["keys"])
    work.assert_settled()

    work.forget()
    blocks = "".join(f'import {{\n  to = digitalocean_ssh_key.this["{n}"]\n  id = "{k["id"]}"\n}}\n' for n, k in keys.items())
    (work.path / "imports.tf").write_text(blocks)
    assert "10 imported, 0 added, 0 changed, 0 destroyed" in work.apply()
    (work.path / "imports.tf").unlink()
    work.assert_settled()
    work.destroy()
    assert work.mine()["ssh_keys"] == []


def test_tags_vpcs_and_projects(folder):
    work = folder(FAMILIES, {"purpose": "Selling things", "description": ""})
    work.apply()
    work.assert_settled()
    mine = work.mine()
    assert mine["tags"] == ["Blue:1"]
    assert {vpc["name"] for vpc in mine["vpcs"]} == {"net", "default-lon1"}
    assert {p["name"]: p["purpose"] for p in mine["projects"]}["shop"] == "Other: Selling things"
    work.set({"purpose": "Web Application", "description": "for the shop"})
    assert "0 added, 2 changed, 0 destroyed" in work.apply()
    work.assert_settled()
    work.destroy()
    assert [vpc["name"] for vpc in work.mine()["vpcs"]] == ["default-lon1"]


def test_a_refused_value_is_the_apis_own_words(folder):
    for change, words in [
        ({"region": "mars1"}, "You specified an invalid region for Droplet creation."),
        ({"size": "huge"}, "You specified an invalid size for Droplet creation."),
        ({"image": "beos-5"}, "You specified an invalid image for Droplet creation."),
        ({"name": "a_b"}, "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)"),
    ]:
        work = folder(MODULES / "droplet", {**BODY, **change})
        code, text = work.run("apply", "-auto-approve", "-input=false")
        assert code == 1
        assert words in " ".join(text.replace("│", " ").split())
        assert work.mine()["droplets"] == []


def test_an_unknown_token_is_refused(folder):
    work = folder(KEYS, ten_keys(), token="someone's password")
    code, text = work.run("apply", "-auto-approve", "-input=false")
    assert code == 1
    assert "401" in text and "Unable to authenticate you" in text


def test_accounts_are_apart(folder):
    mine = folder(KEYS, ten_keys(), token="dop_v1_first")
    theirs = folder(KEYS, ten_keys(), token="dop_v1_second")
    mine.apply()
    theirs.apply()  # the same keys are free in an account of its own
    code, text = theirs.run("import", "-input=false", 'digitalocean_ssh_key.this["key-0"]', str(mine.mine()["ssh_keys"][0]["id"]))
    assert code == 1, text
    theirs.destroy()
    assert len(mine.mine()["ssh_keys"]) == 10
    mine.assert_settled()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": "status", "status": 429, "retry_after": "30"}, "429"),
        ({"kind": "status", "status": 500}, "500"),
        ({"kind": "status", "status": 503}, "503"),
    ],
)
def test_a_create_that_is_turned_away_has_made_nothing(folder, cloud, fault, words):
    work = folder(KEYS, ten_keys())
    cloud.fault("digitalocean.create", **fault)
    code, text = work.run("apply", "-auto-approve", "-input=false")
    assert code == 1
    assert words in text
    assert len(work.mine()["ssh_keys"]) == 9
    work.apply()
    assert len(work.mine()["ssh_keys"]) == 10
    work.assert_settled()


@pytest.mark.parametrize("kind", ["drop", "cut", "truncated"])
def test_a_reply_that_is_lost_leaves_a_key_that_nobody_knows_of(folder, cloud, kind):
    work = folder(KEYS, ten_keys())
    cloud.fault("digitalocean.create", kind)
    code, text = work.run("apply", "-auto-approve", "-input=false")
    assert code == 1, text
    keys = {key["name"]: key["id"] for key in work.mine()["ssh_keys"]}
    assert len(keys) == 10, "the effect was had"
    known = set(work.ok("state", "list").split())
    (lost,) = (name for name in keys if f'digitalocean_ssh_key.this["{name}"]' not in known)

    code, text = work.run("apply", "-auto-approve", "-input=false")
    assert code == 1
    assert "SSH Key is already in use on your account" in " ".join(text.replace("│", " ").split())
    work.ok("import", "-input=false", f'digitalocean_ssh_key.this["{lost}"]', str(keys[lost]))
    work.assert_settled()


def test_a_slow_api_is_waited_for(folder, cloud):
    work = folder(KEYS, ten_keys())
    cloud.fault("digitalocean", "slow", delay_ms=300, count=0)
    work.apply()
    assert len(work.mine()["ssh_keys"]) == 10


def test_an_error_while_a_droplet_is_watched_taints_it(folder, cloud):
    work = folder(MODULES / "droplet", BODY)
    process = work.start("apply", "-auto-approve", "-input=false")
    wait_until(lambda: cloud.creates()["in_flight"] == 0 and (work.mine() or {"droplets": []})["droplets"])
    cloud.fault("digitalocean.read", "status", status=500)
    text, _ = process.communicate(timeout=RUN_SECONDS_MAX)
    assert process.returncode == 1, text
    assert "500" in text
    state = json.loads(work.ok("show", "-json"))
    (resource,) = state["values"]["root_module"]["resources"]
    assert resource["tainted"] and resource["values"]["id"] == str(work.mine()["droplets"][0]["id"])


def test_a_stuck_droplet_is_waited_for(folder, cloud):
    cloud.fault("digitalocean.boot", "stuck")
    work = folder(MODULES / "droplet", BODY)
    process = work.start("apply", "-auto-approve", "-input=false")
    wait_until(lambda: (work.mine() or {"droplets": []})["droplets"])
    reads = cloud.calls("digitalocean.read")
    # It looks again and again, and goes on waiting.
    wait_until(lambda: cloud.calls("digitalocean.read") >= reads + 2)
    (droplet,) = work.mine()["droplets"]
    assert (droplet["status"], droplet["locked"]) == ("new", True)
    assert process.poll() is None
    refused = call(f"{cloud.url}/v2/droplets/{droplet['id']}", "DELETE", {"authorization": f"Bearer {work.token}"})
    assert (refused.status, refused.json()["message"]) == (422, "Droplet already has a pending event.")
    cloud.set(release_stuck=True)
    text, _ = process.communicate(timeout=RUN_SECONDS_MAX)
    assert process.returncode == 0, text
    assert json.loads(work.ok("output", "-json"))["droplet_status"]["value"] == "active"


def test_a_request_is_finished_after_its_client_has_been_killed(folder, cloud):
    cloud.set(create_ms_min=2000, create_ms_max=2000)
    work = folder(KEYS, ten_keys())
    before = cloud.creates()
    process = work.start("apply", "-auto-approve", "-input=false")
    wait_until(lambda: cloud.creates()["in_flight"] > 0)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    wait_until(lambda: cloud.creates()["in_flight"] == 0)
    after = cloud.creates()
    begun = after["begun"] - before["begun"]
    assert begun > 0
    assert after["made"] - before["made"] == begun == len(work.mine()["ssh_keys"])
