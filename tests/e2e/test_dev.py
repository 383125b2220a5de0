"""./dev as a new user runs it: up prints calls, the calls answer, down stops everything."""

import os
import re
import socket
import subprocess

import pytest
from programs import ROOT

ANY_PORTS = [f"--{name}=127.0.0.1:0" for name in ("listen", "weather-listen", "provisioning-listen", "sandbox-listen", "admin-listen")]


def dev(*arguments, folder, timeout=600):
    """Runs ./dev with a run folder of its own, so that a platform that is up already is left alone."""
    return subprocess.run(
        ["./dev", *arguments],
        cwd=ROOT,
        env={**os.environ, "STRATUS_RUN": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    started = dev("up", "--detach", *ANY_PORTS, folder=folder)
    assert started.returncode == 0, started.stderr
    yield folder, started.stdout
    stopped = dev("down", folder=folder)
    assert stopped.returncode == 0, stopped.stderr
    assert "killing" not in stopped.stderr


def expected(call):
    """What is in the answer to a printed call."""
    if "-X DELETE" in call:
        return r"^{}$"
    for path, answer in (("/droplet", "droplet_ip_address"), ("/note", '"title":"hello"'), ("ApplyModule", '"title": "hello"')):
        if path in call:
            return answer
    return '"stacks/droplet"' if call.endswith("/v1/stacks") else '"source"|WeatherService'


def test_up_answers_the_calls_that_it_prints(up):
    folder, printed = up
    calls = re.findall(r"^  ((?:curl|\S*grpcurl) .*)$", printed, re.MULTILINE)
    assert len(calls) >= 4, printed
    assert re.search(r"^Runs are (isolated \(strict\)|on this machine's network \(isolation: (basic|off)\))", printed, re.MULTILINE), (
        printed
    )
    for line in calls:
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=ROOT,
            env={**os.environ, "STRATUS_RUN": str(folder)},
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        assert re.search(expected(line), done.stdout), f"{line}\n{done.stdout}"


def test_token_prints_a_token_alone(up):
    folder, _ = up
    done = dev("token", "--client=someone-new", "--scope=stratus/weather.read", "--ttl=60", folder=folder)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", done.stdout)


def test_a_second_up_says_that_one_runs(up):
    folder, _ = up
    done = dev("up", "--detach", *ANY_PORTS, folder=folder)
    assert done.returncode != 0
    assert "./dev down" in done.stderr


def test_a_port_in_use_is_named_with_what_to_do(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = dev("up", "--detach", f"--listen=127.0.0.1:{port}", *ANY_PORTS[1:], folder=tmp_path)
    assert done.returncode != 0
    assert f"port {port}" in done.stderr
    assert "--listen" in done.stderr


def test_an_unknown_command_gets_the_list(tmp_path):
    done = dev("frobnicate", folder=tmp_path)
    assert done.returncode != 0
    assert "usage: ./dev" in done.stderr


def test_a_token_without_a_platform_says_what_to_start(tmp_path):
    done = dev("token", folder=tmp_path)
    assert done.returncode != 0
    assert "./dev up" in done.stderr
