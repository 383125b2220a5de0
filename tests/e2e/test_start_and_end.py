"""How programs take an address, and how they leave it."""

import http.client
import signal
import subprocess
import threading
import time

import pytest
from programs import BUILD, CALL_SECONDS_MAX, Program, call

DESCRIPTORS = f"--descriptors={BUILD / 'share' / 'stratus.pb'}"
GATEWAY = ["--upstream=127.0.0.1:1", DESCRIPTORS, "--auth=off"]


def start_gateway(folder, *arguments, env=None):
    return Program("stratus-gateway", folder, "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", *GATEWAY, *arguments, env=env)


def fails_to_start(name, *arguments):
    done = subprocess.run([BUILD / "bin" / name, *arguments], capture_output=True, text=True, timeout=CALL_SECONDS_MAX)
    assert done.returncode == 1, done.stderr
    return done.stderr.splitlines()[-1]


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    folder = tmp_path_factory.mktemp("first")
    program = Program("stratus-gateway", folder, f"--listen=unix:{folder}/g.sock", "--admin-listen=127.0.0.1:0", *GATEWAY)
    door = start_gateway(folder / "door")
    yield program, door
    for one in (program, door):
        assert one.stop() == 0, one.log()


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "[::]"])
def test_a_second_gateway_on_an_address_does_not_start_and_names_the_first(first, host):
    door = first[1]
    port = door.addresses["gateway"].rsplit(":", 1)[1]
    why = fails_to_start("stratus-gateway", f"--listen={host}:{port}", "--admin-listen=127.0.0.1:0", *GATEWAY)
    assert f"cannot listen on {host}:{port}" in why
    assert f"in use by stratus-gateway (pid {door.process.pid})" in why
    assert call(f"http://{door.addresses['gateway']}/health").status == 200


def test_a_second_gateway_on_a_unix_socket_does_not_start(first):
    program = first[0]
    why = fails_to_start("stratus-gateway", f"--listen={program.addresses['gateway']}", "--admin-listen=127.0.0.1:0", *GATEWAY)
    assert f"in use by stratus-gateway (pid {program.process.pid})" in why


def test_the_admin_port_of_a_second_gateway_is_named_with_its_flag(first):
    door = first[1]
    why = fails_to_start("stratus-gateway", "--listen=127.0.0.1:0", f"--admin-listen={door.addresses['admin']}", *GATEWAY)
    assert "--admin-listen" in why
    assert f"in use by stratus-gateway (pid {door.process.pid})" in why


@pytest.mark.parametrize("name", ["stratus-weather", "stratus-sandbox"])
def test_other_programs_do_not_share_an_address_either(first, name, tmp_path):
    door = first[1]
    arguments = ["--profile=development"]
    if name == "stratus-weather":
        arguments += ["--admin-listen=127.0.0.1:0", "--auth=off"]
    why = fails_to_start(name, f"--listen={door.addresses['gateway']}", *arguments)
    assert f"in use by stratus-gateway (pid {door.process.pid})" in why


def health(program):
    return call(f"http://{program.addresses['gateway']}/health").status


def ready(program):
    return call(f"http://{program.addresses['admin']}/readyz").status


def wait_for(condition):
    deadline = time.monotonic() + CALL_SECONDS_MAX
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_sigterm_is_announced_before_a_call_is_refused_and_a_second_one_ends_at_once(tmp_path):
    program = start_gateway(tmp_path, "--drain-delay-seconds=3600")
    assert (health(program), ready(program)) == (200, 200)
    program.process.send_signal(signal.SIGTERM)
    wait_for(lambda: ready(program) == 503)
    wait_for(lambda: health(program) == 503)
    # New connections are taken, and calls answered as before: here by nobody.
    assert call(f"http://{program.addresses['gateway']}/v1/weather:today").status == 503
    program.process.send_signal(signal.SIGTERM)
    assert program.process.wait(CALL_SECONDS_MAX) == -signal.SIGTERM


def test_after_the_delay_connections_end_in_order(tmp_path):
    program = start_gateway(tmp_path, env={"STRATUS_DRAIN_DELAY_SECONDS": "1"})
    host, port = program.addresses["gateway"].rsplit(":", 1)
    seen = []

    def use_one_connection():
        connection = http.client.HTTPConnection(host, int(port), timeout=CALL_SECONDS_MAX)
        try:
            while True:
                connection.request("GET", "/health")
                reply = connection.getresponse()
                reply.read()
                seen.append(reply.status)
        except (OSError, http.client.HTTPException):
            pass  # the end

    client = threading.Thread(target=use_one_connection)
    client.start()
    wait_for(lambda: seen)
    assert program.stop() == 0, program.log()
    client.join(CALL_SECONDS_MAX)
    assert 503 in seen, "it was served while the program was on its way out"


def test_ctrl_c_does_not_wait(tmp_path):
    program = start_gateway(tmp_path, "--drain-delay-seconds=3600")
    program.process.send_signal(signal.SIGINT)
    assert program.process.wait(CALL_SECONDS_MAX) == 0
