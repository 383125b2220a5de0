"""Data keys wrapped by AWS KMS: a program asks it (moto's here), and the service knows nothing of it."""

import logging
import sys

import boto3
import pytest
from moto.server import ThreadedMotoServer
from programs import ROOT
from provisioning_rig import Rig

MODULES = ROOT / "services" / "provisioning" / "modules"
REGION = "eu-central-1"
# As docs/how-to/keys.md has it for the AWS command line.
PROGRAM = """#!{python}
import base64, sys
import boto3

verb, key = sys.argv[1:]
kms = boto3.client("kms")
given = base64.b64decode(sys.stdin.read())
context = {{"service": "stratus-provisioning"}}
if verb == "wrap":
    answer = kms.encrypt(KeyId=key, Plaintext=given, EncryptionContext=context)["CiphertextBlob"]
else:
    answer = kms.decrypt(KeyId=key, CiphertextBlob=given, EncryptionContext=context)["Plaintext"]
print(base64.b64encode(answer).decode())
"""


@pytest.fixture
def kms():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    credentials = {"AWS_ACCESS_KEY_ID": "AKIAKEYS", "AWS_SECRET_ACCESS_KEY": "the-secret-of-the-keys"}
    client = boto3.client(
        "kms",
        endpoint_url=f"http://{host}:{port}",
        region_name=REGION,
        aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
    )
    client.environment = {**credentials, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}
    yield client
    server.stop()


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "kms"
    path.write_text(PROGRAM.format(python=sys.executable))
    path.chmod(0o700)
    return path


def make_key(kms, alias):
    identifier = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=alias, TargetKeyId=identifier)
    return identifier


def apply(rig, title):
    return rig.call("/note", "POST", {"title": title})


def restart(rig, **environment):
    assert rig.replicas["r0"].stop() == 0, rig.logs()
    rig.environment.update(environment)
    rig.start("r0")


def test_states_are_sealed_by_kms_across_restarts_and_rotations(kms, program, tmp_path):
    make_key(kms, "alias/first")
    # What was sealed by a key file before there was a KMS has to open still.
    key_file = tmp_path / "keys"
    key_file.write_text("k1:" + "A" * 43 + "=\n")
    key_file.chmod(0o600)
    rig = Rig(tmp_path / "rig", modules=MODULES, environment={**kms.environment, "STRATUS_PROVISIONING_KEY_FILE": str(key_file)})
    try:
        assert apply(rig, "by the file").status == 201
        restart(rig, STRATUS_PROVISIONING_KEY_COMMAND=str(program), STRATUS_PROVISIONING_KEY_ID="alias/first")
        assert rig.state("note")["outputs"]["title"]["value"] == "by the file"
        assert apply(rig, "by the first").status == 200

        make_key(kms, "alias/second")
        restart(rig, STRATUS_PROVISIONING_KEY_ID="alias/second")
        assert rig.state("note")["outputs"]["title"]["value"] == "by the first"
        assert apply(rig, "by the second").status == 200
        assert rig.state("note")["outputs"]["title"]["value"] == "by the second"

        database = b"".join(path.read_bytes() for path in (rig.folder / "data").glob("provisioning.db*"))
        assert b"command:alias/second" in database
    finally:
        rig.stop()


def test_a_key_that_may_not_be_used_stops_the_start(kms, program, tmp_path):
    environment = {
        **kms.environment,
        "STRATUS_PROVISIONING_KEY_COMMAND": str(program),
        "STRATUS_PROVISIONING_KEY_ID": "alias/nobody",
    }
    with pytest.raises(RuntimeError, match="NotFoundException"):
        Rig(tmp_path / "rig", modules=MODULES, environment=environment)
