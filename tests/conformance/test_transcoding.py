"""Our transcoder against the current Python protobuf, both directions, over random schemas and messages."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("STRATUS_BUILD", ROOT / "build"))


def test_agrees_with_python_protobuf():
    done = subprocess.run(
        [
            sys.executable,
            pathlib.Path(__file__).with_name("json_differential.py"),
            f"--driver={BUILD / 'tests/transcode_driver'}",
            f"--descriptors={BUILD / 'gateway/transcode/testdata.pb'}",
            "--count=300",
            "--schemas=3",
        ],
        capture_output=True,
        text=True,
        timeout=1200,
    )
    print(done.stdout[-4000:])
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
