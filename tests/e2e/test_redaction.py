"""What a module's own commands and errors print: no secret gets through, in whatever form it is written."""

import base64
import json
import subprocess
import urllib.parse

import pytest
from provisioning_rig import Rig

PASSWORD = "tr0ub4dor & <3 the-second"
DEFAULT = "default-within-the-type-9f8e"
PEM = """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgVcB/UNPxalR9zDYA
jQIfjojUDiQuGnSJrFEEzZPT/92hRANCAASc7UJtgnF/abqWM60T3XNJEzBv5ez9
TdwKH0M6xpM2q+53wmsN/eYLdgtjgBd3DBmHtPilCkiFICXyaA8z9LkJ
-----END PRIVATE KEY-----
"""

LOUD = """
variable "password" { type = string }
variable "pem" {
  type      = string
  sensitive = true
}
variable "login" {
  type      = object({ name = string, pin = optional(string, "DEFAULT") })
  sensitive = true
}
variable "fails" {
  type    = string
  default = ""
}

locals {
  secrets = { P = nonsensitive(var.password), K = nonsensitive(var.pem), L = nonsensitive(var.login.pin) }
}

resource "terraform_data" "keyed" {
  for_each = toset([nonsensitive(var.password)])
  input    = each.key
}

resource "terraform_data" "loud" {
  provisioner "local-exec" {
    interpreter = ["/bin/sh", "-c"]
    command     = <<-EOT
      echo "begin"
      echo "plain: $P"
      echo "folded:" $P
      echo "$K"
      echo "$K" | sed 's/^/      /'
      printf '%s' "$K" | tr '\\n' ' '; echo
      printf '%s' "$K" | tr -d '\\n'; echo
      printf '%s' "$K" | sed 's/$/\\r/'
      printf '%s' "$K" | head -c 150; echo
      printf '%s' "$P" | base64
      printf '%s' "user:$P" | base64
      printf '%s' "$K" | base64
      printf '%s' "x$K" | base64 -w 0; echo
      echo "the default: $L"
      echo "end"
      [ -z "$FAIL" ] || { echo "$K" >&2; exit 3; }
    EOT
    environment = merge(local.secrets, { FAIL = var.fails == "exec" ? "1" : "" })
  }
}

resource "terraform_data" "refused" {
  lifecycle {
    precondition {
      condition     = var.fails != "pre"
      error_message = "Bad: ${nonsensitive(var.password)} ${jsonencode(local.secrets)} ${urlencode(nonsensitive(var.pem))}."
    }
  }
}

output "shown" { value = "nothing" }
""".replace("DEFAULT", DEFAULT)

OVERRIDE = """
variable "password" { sensitive = true }
"""


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    folder = tmp_path_factory.mktemp("redaction")
    (folder / "modules" / "loud").mkdir(parents=True)
    (folder / "modules" / "loud" / "main.tf").write_text(LOUD)
    (folder / "modules" / "loud" / "main_override.tf").write_text(OVERRIDE)
    (folder / "modules" / "loud" / ".hidden.tf").write_text('variable "hidden" {}')
    rig = Rig(folder / "rig", modules=folder / "modules")
    yield rig
    rig.stop()


def folded(text):
    return "".join(text.split())


def pieces():
    """Whatever of the secrets must not be seen: 12 bytes in a row, white space left out; of encoded forms 20."""
    for secret in (PASSWORD, PEM, DEFAULT):
        encoded = secret.strip().encode()
        forms = [(folded(secret), 12), (urllib.parse.quote_plus(encoded), 20)]
        # As it stands in something longer, at each place that a byte can have in a group of base64.
        forms += [(base64.b64encode(b"x" * place + encoded).decode()[4:-4], 20) for place in range(3)]
        for form, length in forms:
            for at in range(len(form) - length + 1):
                piece = form[at : at + length]
                if piece.strip("-") == piece:  # rulers are everywhere
                    yield piece


def told(rig, stack):
    run = rig.newest_run(stack)
    events = subprocess.run(
        ["curl", "-sN", "--max-time", "240", "-H", f"Authorization: Bearer {rig.token()}", "-H", "Accept: application/x-ndjson"]
        + [f"http://{rig.gateway.addresses['gateway']}/v1/{run['name']}:watch"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    replies = [rig.call(path).body.decode() for path in (f"/v1/stacks/{stack}", f"/v1/{run['name']}", f"/v1/{run['name']}/plan")]
    lines = [json.loads(line) for line in events.splitlines()]
    return lines, "\n".join([events.replace("\\n", "\n"), *replies, rig.logs()])


def check(text):
    text = folded(text.replace("\\r", "").replace("\\n", ""))
    for piece in pieces():
        assert piece not in text, f"{piece} in ...{text[max(0, text.index(piece) - 200) : text.index(piece) + 100]}..."


def body(**more):
    return {"password": PASSWORD, "pem": PEM, "login": {"name": "ann"}, **more}


def test_a_schema_tells_no_default_of_a_sensitive_variable(rig):
    reply = rig.call("/v1/modules/loud")
    assert DEFAULT not in reply.body.decode()
    module = reply.json()
    variables = {variable["name"]: variable for variable in module["variables"]}
    assert set(variables) == {"password", "pem", "login", "fails"}
    assert variables["password"]["sensitive"], "the override file counts"
    assert module["variablesSchema"]["properties"]["password"]["writeOnly"]
    assert DEFAULT not in rig.call("/openapi.json").body.decode()


def test_what_a_command_prints_is_redacted_line_by_line_and_in_every_form(rig):
    made = rig.call("/loud?stack=prints", "POST", body())
    assert made.status == 201, made.body
    events, text = told(rig, "prints")
    check(text)
    messages = [event["log"]["message"] for event in events if "log" in event]
    assert any("begin" in message for message in messages) and any("end" in message for message in messages)
    addresses = {event["progress"]["address"] for event in events if "progress" in event}
    assert 'terraform_data.keyed["(redacted)"]' in addresses
    # Base64: of what is printed, no more than the characters that share bits with what stands around it are left.
    lines = [message.split("(local-exec): ", 1)[-1] for message in messages]
    long_ones = [line for line in lines for word in line.split() if len(word) > 40 and "(" not in word]
    assert long_ones == [], long_ones
    stack = rig.call("/v1/stacks/prints").json()
    assert "password" not in stack["variables"] and sorted(stack["sensitiveVariables"]) == ["login", "password", "pem"]


@pytest.mark.parametrize("way", ["exec", "pre"])
def test_an_error_is_redacted(rig, way):
    failed = rig.call(f"/loud?stack=fails-{way}", "POST", body(fails=way))
    assert failed.status == 400, failed.body
    check(failed.body.decode())
    assert "(redacted)" in failed.body.decode()
    check(told(rig, f"fails-{way}")[1])
