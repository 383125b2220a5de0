"""What a restarted service reads from an engine that it did not start itself: no secret gets through."""

import json
import os
import pathlib
import shutil
import subprocess
import time

import pytest
from programs import ROOT
from provisioning_rig import Rig

KEYS = ROOT / "services" / "provisioning" / "testdata" / "modules" / "keys"
SECRET = 'tr0ub4dor & "3"'
TOKEN = "dop_v1_sandbox"  # what the service gives the provider

# Waits to be let go, and then tells all that it knows.
LOUD = """
variable "secret" {
  type      = string
  sensitive = true
}

variable "gate" {
  type = string
}

resource "terraform_data" "loud" {
  provisioner "local-exec" {
    command = <<-EOT
      touch "$GATE.reached"
      until [ -e "$GATE" ]; do sleep 0.05; done
      echo "I have $SECRET and $DIGITALOCEAN_TOKEN"
      echo "oops, $SECRET" >&2
      exit 3
    EOT
    environment = {
      SECRET = nonsensitive(var.secret)
      GATE   = var.gate
    }
  }
}
"""


@pytest.fixture
def rig(tmp_path):
    modules = tmp_path / "modules"
    shutil.copytree(KEYS, modules / "loud")
    (modules / "loud" / "loud.tf").write_text(LOUD)
    rig = Rig(tmp_path / "rig", modules=modules, flags=["--isolation=off"])
    yield rig
    rig.stop()


def test_a_restarted_service_redacts_what_a_former_ones_engine_says(rig, tmp_path):
    gate = tmp_path / "gate"
    variables = {"keys": {}, "secret": SECRET, "gate": str(gate)}
    assert rig.call("/loud", "POST", variables, {"prefer": "wait=0"}).status == 202
    wait_for(pathlib.Path(f"{gate}.reached"))
    run = rig.newest_run("loud")
    rig.kill("r0")
    gate.touch()
    # An engine that panics says so in no JSON at all.
    stream = next(rig.control_folder(run).glob("1-*/events.jsonl"))
    with open(stream, "a") as file:
        file.write(f"panic: {SECRET} {TOKEN} {'x' * 4046} {TOKEN}\n")
    rig.start("r0")

    ended = rig.wait_for_end("loud")
    assert ended["status"] == "RUN_STATUS_ERRORED", ended
    events = subprocess.run(
        ["curl", "-sN", "--max-time", "240", "-H", f"Authorization: Bearer {rig.token()}", "-H", "Accept: application/x-ndjson"]
        + [f"http://{rig.gateway.addresses['gateway']}/v1/{run['name']}:watch"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "I have (redacted) and (redacted)" in events, events
    assert "oops, (redacted)" in events
    assert "panic: (redacted) (redacted)" in events
    stack = rig.call("/v1/stacks/loud").body.decode()
    for where, text in {"events": events, "run": json.dumps(ended), "stack": stack, "logs": rig.logs()}.items():
        for secret in (SECRET, json.dumps(SECRET)[1:-1], "tr0ub4dor", TOKEN, TOKEN[:8]):
            assert secret not in text, f"{where} tell {secret}"


def wait_for(path, seconds=240):
    deadline = time.monotonic() + seconds
    while not os.path.exists(path):
        assert time.monotonic() < deadline, path
        time.sleep(0.02)
