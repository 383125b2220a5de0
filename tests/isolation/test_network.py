"""What a run reaches of the network: every attack first with isolation off, where it succeeds, then in the strict tier."""

import contextlib
import hashlib
import hmac
import json
import os
import pathlib
import socket
import threading
import time

import pytest
from own_network import own_network
from programs import call
from provisioning_rig import Rig, public_key

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="makes a network namespace: needs root")

HERE = pathlib.Path(__file__).resolve().parent
METADATA = "169.254.169.254"
ELSEWHERE = "5.9.0.7"  # public elsewhere; on the loopback of the test's namespace
ABSTRACT = "stratus-test-abstract"


class Victims:
    """What listens on the machine, and is none of a run's business."""

    def __init__(self, folder):
        self.listeners = []
        self.port = self._listen(socket.AF_INET, ("127.0.0.1", 0)).getsockname()[1]
        self.metadata_port = self._listen(socket.AF_INET, (METADATA, 0)).getsockname()[1]
        self.elsewhere_port = self._listen(socket.AF_INET, (ELSEWHERE, 0)).getsockname()[1]
        self.six_port = self._listen(socket.AF_INET6, ("::", 0)).getsockname()[1]
        self.unix_path = str(folder / "victim.sock")
        self._listen(socket.AF_UNIX, self.unix_path)
        self._listen(socket.AF_UNIX, "\0" + ABSTRACT)

    def _listen(self, family, address):
        listener = socket.socket(family)
        listener.bind(address)
        listener.listen(16)
        self.listeners.append(listener)
        threading.Thread(target=self._serve, args=(listener,), daemon=True).start()
        return listener

    @staticmethod
    def _serve(listener):
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                with client:
                    client.recv(4096)
                    client.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nsecret")

    def stop(self):
        for listener in self.listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def attacks(self, rig):
        admin = rig.replicas["r0"].addresses["admin"].rsplit(":", 1)[1]
        here = str(self.port)
        return [
            ["metadata", "tcp", METADATA, str(self.metadata_port)],
            ["metadata by name", "named", METADATA, str(self.metadata_port)],
            ["metadata by http", "plain", METADATA, str(self.metadata_port)],
            ["loopback", "tcp", "127.0.0.1", here],
            ["loopback by another name", "tcp", "127.9.9.9", str(self.six_port)],
            ["loopback, IPv4-mapped", "tcp", "::ffff:127.0.0.1", here],
            ["loopback, IPv6", "tcp", "::1", str(self.six_port)],
            ["the unspecified address", "tcp", "0.0.0.0", here],
            ["a name that is the loopback", "named", "localhost", here],
            ["a name that is the loopback, by http", "plain", "localhost", here],
            ["the admin port", "tcp", "127.0.0.1", admin],
            ["the admin port by name", "named", "localhost", admin],
            ["the service's gRPC socket", "unix", str(rig.socket("r0"))],
            ["a Unix socket of the host", "unix", self.unix_path],
            ["an abstract socket of the host", "abstract", ABSTRACT],
            ["the net without the proxy", "tcp", ELSEWHERE, str(self.elsewhere_port)],
            ["raw packets", "raw", "icmp"],
            ["packets of the link", "raw", "packet"],
        ]


@pytest.fixture(scope="module", autouse=True)
def network():
    with own_network(f"{METADATA}/32", f"{ELSEWHERE}/32"):
        yield


@pytest.fixture(scope="module")
def victims(network, tmp_path_factory):
    victims = Victims(tmp_path_factory.mktemp("victims"))
    yield victims
    victims.stop()


def started(folder, tier, victims):
    # The allow list is as wide as it can be: what is refused is refused for what it is.
    allowed = [
        f"--egress-allow={host}:{port}" for host, port in (("localhost", "1"), (METADATA, victims.metadata_port), ("*", victims.port))
    ]
    return Rig(folder, modules=HERE / "modules", flags=[f"--isolation={tier}", "--egress-network=0.0.0.0/0", "--run-disk-mb=64", *allowed])


@pytest.fixture(scope="module", params=["off", "strict"])
def platform(request, tmp_path_factory, victims):
    rig = started(tmp_path_factory.mktemp(request.param), request.param, victims)
    yield request.param, rig
    rig.stop()


def found_by(rig, attacks):
    """What a run of these attacks found; its error says it."""
    reply = rig.call("/reach", "POST", {"attacks": attacks})
    text = reply.body.decode()
    assert "FOUND" in text, text
    message = reply.json()["message"]
    return json.loads(message[message.index("{", message.index("FOUND")) : message.index("}", message.index("FOUND")) + 1])


def connections(rig, result):
    metrics = call(f"http://{rig.replicas['r0'].addresses['admin']}/metrics").body.decode()
    name = f'stratus_provisioning_egress_connections_total{{result="{result}"}} '
    return sum(float(line.removeprefix(name)) for line in metrics.splitlines() if line.startswith(name))


def assert_reached_only_when_off(tier, found):
    for name, what in found.items():
        assert (what == "REACHED") == (tier == "off"), (name, what)


def test_what_the_host_has_is_out_of_reach(platform, victims):
    tier, rig = platform
    attacks = victims.attacks(rig)
    found = {}
    for first in range(0, len(attacks), 6):  # an error has room for so many
        found.update(found_by(rig, attacks[first : first + 6]))
    assert len(found) == len(attacks)
    assert_reached_only_when_off(tier, found)


def test_another_runs_state_is_out_of_reach_with_its_own_credentials(platform):
    tier, rig = platform
    assert rig.call("/hold", "POST", {}, {"prefer": "wait=0"}).status == 202
    victim = rig.newest_run("hold")
    uid = victim["name"].rsplit("/", 1)[1]
    try:
        deadline = time.monotonic() + 240
        while rig.newest_run("hold")["status"] != "RUN_STATUS_APPLYING":
            assert time.monotonic() < deadline, rig.newest_run("hold")
            time.sleep(0.05)
        secret = (rig.folder / "data" / "state-backend.secret").read_bytes()
        password = hmac.new(secret, f"state-backend/{uid}".encode(), hashlib.sha256).hexdigest()
        assert_reached_only_when_off(tier, found_by(rig, [["another run's state", "state", uid, password]]))
    finally:
        assert rig.call(f"/v1/{victim['name']}:cancel", "POST", {}).status == 200
        rig.wait_for_end("hold")


def test_nothing_listens_on_the_loopback_for_states(platform):
    tier, rig = platform
    assert (rig.folder / "data" / "state-ports").exists() == (tier == "off")


def test_refusals_are_counted_and_told(platform, victims):
    tier, rig = platform
    found = found_by(rig, [["a name that is the loopback", "named", "localhost", str(victims.port)]])
    assert (connections(rig, "address") > 0) == (tier == "strict")
    if tier == "strict":
        assert "127.0.0.1 is a loopback address, which no setting opens" in found["a name that is the loopback"]
        assert '"message":"a run was refused a connection"' in rig.logs()


def test_an_honest_run_reaches_its_cloud_and_its_state(platform):
    tier, rig = platform
    reply = rig.call("/cloud", "POST", {"name": "honest", "public_key": public_key()})
    assert reply.status == 201, reply.body
    assert len(rig.state_ids("cloud", "digitalocean_ssh_key")) == 1
    assert (connections(rig, "connected") > 0) == (tier == "strict")


def test_a_provider_does_not_notice_that_the_service_is_restarted(platform):
    _, rig = platform
    rig.sandbox_admin(create_ms_min=3000, create_ms_max=3000)
    slow = {"name": "slow", "public_key": public_key()}
    assert rig.call("/cloud?stack=slow", "POST", slow, {"prefer": "wait=0"}).status == 202
    rig.wait_for_creates()
    rig.kill("r0")
    rig.start("r0")
    run = rig.wait_for_end("slow")
    assert run["status"] == "RUN_STATUS_APPLIED", run
    assert run.get("recoveries", 0) == 0, "it was driven on, not begun anew"
    rig.sandbox_admin(create_ms_min=0, create_ms_max=0)


def test_a_run_that_a_limit_ends_saves_its_state(platform):
    """Everything of the run's is killed but the engine, and what carries its connections."""
    _, rig = platform
    assert rig.call("/overflow", "POST", {}, {"prefer": "wait=0"}).status == 202
    run = rig.wait_for_end("overflow")
    assert "(--run-disk-mb)" in run["error"]["message"], run
    assert run.get("recoveries", 0) == 0, run
    assert [resource["name"] for resource in rig.state("overflow")["resources"]] == ["first", "second"]
