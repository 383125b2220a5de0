"""A bucket and a lock table that behave like AWS's (moto), and tofu run by hand on the same state."""

import json
import logging
import os
import pathlib
import subprocess
import uuid

import boto3
from moto.server import ThreadedMotoServer
from programs import DEPS, call

REGION = "eu-central-1"
BUCKET = "states"
TABLE = "locks"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIASTATES", "AWS_SECRET_ACCESS_KEY": "the-secret-of-the-bucket"}


class S3:
    def __init__(self, lock):
        self.lock = lock
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.server.start()
        host, port = self.server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"
        # Its memory is the process's: what another test left goes.
        assert call(f"{self.endpoint}/moto-api/reset", "POST").status == 200
        session = boto3.Session(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"], region_name=REGION)
        self.s3 = session.client("s3", endpoint_url=self.endpoint)
        self.dynamodb = session.client("dynamodb", endpoint_url=self.endpoint)
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.flags = [
            "--state-backend=s3",
            f"--state-bucket={BUCKET}",
            "--state-prefix=tests/stratus",
            f"--state-endpoint={self.endpoint}",
            f"--state-lock={lock}",
            *([f"--state-lock-table={TABLE}"] if lock == "dynamodb" else []),
        ]
        self.environment = {**CREDENTIALS, "AWS_REGION": REGION}

    def stop(self):
        self.server.stop()

    def go_down(self):
        self.server.stop()

    def come_back(self):
        """At the same address, with what it had: that is the process's."""
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=int(self.endpoint.rsplit(":", 1)[1]), verbose=False)
        self.server.start()

    def keys(self):
        return [entry["Key"] for entry in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def state_key(self):
        """The key of the only state."""
        states = [key for key in self.keys() if key.endswith(".tfstate")]
        assert len(states) == 1, self.keys()
        return states[0]

    def state(self, key):
        return json.loads(self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def put_state(self, key, text):
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=text)

    def lock_info(self, key):
        """Who holds the state of `key`; None without a lock."""
        if self.lock == "s3":
            try:
                return json.loads(self.s3.get_object(Bucket=BUCKET, Key=f"{key}.tflock")["Body"].read())
            except self.s3.exceptions.NoSuchKey:
                return None
        item = self.dynamodb.get_item(TableName=TABLE, Key={"LockID": {"S": f"{BUCKET}/{key}"}}).get("Item")
        return json.loads(item["Info"]["S"]) if item else None

    def put_lock(self, key):
        """A lock of somebody who is at work on the state with tofu; its id."""
        identifier = str(uuid.uuid4())
        info = {
            "ID": identifier,
            "Operation": "OperationTypeApply",
            "Info": "",
            "Who": "ann@laptop",
            "Version": "1.10.6",
            "Created": "2026-11-21T12:00:00Z",
            "Path": f"{BUCKET}/{key}",
        }
        text = json.dumps(info, separators=(",", ":"))
        if self.lock == "s3":
            self.s3.put_object(Bucket=BUCKET, Key=f"{key}.tflock", Body=text)
        else:
            self.dynamodb.put_item(TableName=TABLE, Item={"LockID": {"S": f"{BUCKET}/{key}"}, "Info": {"S": text}})
        return identifier

    def digest(self, key):
        item = self.dynamodb.get_item(TableName=TABLE, Key={"LockID": {"S": f"{BUCKET}/{key}-md5"}}).get("Item")
        return item["Digest"]["S"] if item else None


class Tofu:
    """OpenTofu with `backend "s3"` on a state of the bucket, as a person would run it."""

    def __init__(self, s3, key, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = "use_lockfile = true" if s3.lock == "s3" else f'dynamodb_table = "{TABLE}"'
        (self.folder / "main.tf").write_text(
            f"""terraform {{
  backend "s3" {{
    bucket    = "{BUCKET}"
    key       = "{key}"
    region    = "{REGION}"
    endpoints = {{ s3 = "{s3.endpoint}", dynamodb = "{s3.endpoint}" }}
    use_path_style              = true
    skip_credentials_validation = true
    skip_requesting_account_id  = true
    skip_metadata_api_check     = true
    {lock}
  }}
}}
"""
        )
        # init wants the providers of what the state holds.
        settings = self.folder / "tofurc"
        settings.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{DEPS / "providers"}"\n  }}\n}}\n')
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "CHECKPOINT_DISABLE": "1",
            "TF_CLI_CONFIG_FILE": str(settings),
            **CREDENTIALS,
        }
        initialised = self.run("init", "-input=false")
        assert initialised.returncode == 0, initialised.stderr

    def run(self, *arguments):
        return subprocess.run(
            [DEPS / "bin" / "tofu", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
