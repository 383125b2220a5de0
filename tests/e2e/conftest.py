"""Starts the real programs on free ports and gives tests their addresses.

The programs are those of the build folder in STRATUS_BUILD (default: build). Every program gets a folder of its own, an
environment that names only what it needs, and is ended with SIGTERM; one that does not end by itself fails the run.
"""

import subprocess
import sys

import pytest
from programs import BUILD, DEPS, ROOT, Gateway, Program
from provisioning_rig import audit


@pytest.fixture(scope="session")
def gateway(tmp_path_factory):
    """stratusd in the development profile, everything in one process, with its own sandbox."""
    data = tmp_path_factory.mktemp("data")
    program = Program(
        "stratusd",
        tmp_path_factory.mktemp("stratusd"),
        "--profile=development",
        "--listen=127.0.0.1:0",
        "--weather-listen=127.0.0.1:0",
        "--provisioning-listen=127.0.0.1:0",
        f"--data-dir={data}",
        "--sandbox-listen=127.0.0.1:0",
        "--admin-listen=127.0.0.1:0",
        f"--descriptors={BUILD / 'share' / 'stratus.pb'}",
        f"--docs-dir={DEPS / 'swagger-ui'}",
        # Tests never ask the internet: Open-Meteo is out of reach here, so the sandbox answers for it.
        env={"OPEN_METEO_DOMAIN": "http://127.0.0.1:1", "OPEN_METEO_GEOCODING_DOMAIN": "http://127.0.0.1:1"},
    )
    a = program.addresses
    yield Gateway(a["gateway"], a["weather"], a["sandbox"], program, a["provisioning"])
    assert program.stop() == 0, program.log()
    verified = audit("verify", f"--data-dir={data}")
    assert verified.returncode == 0, verified.stderr


@pytest.fixture
def token(gateway):
    return gateway.token()


@pytest.fixture(scope="session")
def stubs(tmp_path_factory):
    """Python client code generated from our protos, importable for the rest of the run."""
    output = tmp_path_factory.mktemp("stubs")
    sources = [str(p.relative_to(ROOT / "proto")) for p in (ROOT / "proto" / "stratus").rglob("*.proto")]
    subprocess.run(
        [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            f"-I{ROOT / 'proto'}",
            f"-I{DEPS / 'proto'}",
            f"--python_out={output}",
            f"--grpc_python_out={output}",
            *sources,
        ],
        check=True,
    )
    sys.path.insert(0, str(output))
    yield output
    sys.path.remove(str(output))
