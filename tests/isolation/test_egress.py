"""stratus-egress on a network of its own: what a run reaches through it, and what it does not."""

import os
import pathlib
import signal

import pytest
from network_rig import OWN, PRIVATE, PUBLIC, ROUTED, Egress, Network

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root")


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    network = Network(tmp_path_factory.mktemp("network"))
    network.machine.hosts.write_text(
        "127.0.0.1 localhost\n"
        f"{PUBLIC} api.example.com\n"
        f"{PRIVATE} db.example.com\n"
        "127.0.0.1 rebind.example.com\n"
        "169.254.169.254 meta.example.com\n"
        f"{OWN} own.example.com\n"
        f"{ROUTED} routed.example.com\n"
        f"127.0.0.1 both.example.com\n{PUBLIC} both.example.com\n"
    )
    yield network
    network.stop()


@pytest.fixture
def egress(network, request):
    egress = Egress(network, getattr(request, "param", ["allow *"]))
    yield egress
    assert egress.stop() == 0


def test_a_listed_host_is_reached_by_connect(egress):
    answer, said = egress.connect_to("api.example.com:443")
    assert answer.startswith("HTTP/1.1 200 ")
    assert said.endswith(f"{PUBLIC}:443 was asked: hello")
    assert egress.records() == [f"connected count=1 target=api.example.com:443 address={PUBLIC}"]


def test_a_listed_host_is_reached_by_http(egress):
    reply = egress.ask(b"GET http://api.example.com/v2/x?y=z HTTP/1.1\r\nHost: other\r\nProxy-Connection: keep-alive\r\n\r\n").decode()
    assert reply.endswith("was asked: GET /v2/x?y=z HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n")


def test_the_body_of_a_plain_request_goes_with_it(egress):
    reply = egress.ask(b"POST http://api.example.com/ HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody").decode()
    assert reply.endswith("Content-Length: 4\r\n\r\nbody")


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("rebind.example.com:443", "loopback"),
        ("localhost:443", "loopback"),
        ("meta.example.com:80", "metadata"),
        ("own.example.com:443", "host"),
        ("routed.example.com:443", "host"),
        ("db.example.com:443", "private"),
    ],
)
def test_a_name_does_not_get_around_the_address_rules(egress, target, kind):
    answer, said = egress.connect_to(target)
    assert answer.startswith(f"HTTP/1.1 403 Stratus refused {target}: ")
    assert f"is a {kind} address" in answer
    assert said == ""
    assert egress.records()[-1].endswith(f"class={kind}")


@pytest.mark.parametrize("egress", [[f"allow {a}:443" for a in ("127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", OWN)]], indirect=True)
def test_an_address_that_is_listed_is_judged_all_the_same(egress):
    for literal in ("127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", OWN):
        answer, _ = egress.connect_to(f"{literal}:443")
        assert answer.startswith("HTTP/1.1 403 "), answer
        assert "which no setting opens" in answer


@pytest.mark.parametrize("egress", [["allow *", "network 10.77.0.0/16", "network 5.9.0.1/32", "network 127.0.0.0/8"]], indirect=True)
def test_a_private_network_can_be_opened_and_nothing_else(egress):
    assert egress.connect_to("db.example.com:443")[1].endswith(f"{PRIVATE}:443 was asked: hello")
    for target in ("own.example.com:443", "rebind.example.com:443"):
        assert egress.connect_to(target)[0].startswith("HTTP/1.1 403 ")


def test_of_several_addresses_only_those_that_may_be_are_tried(egress):
    _, said = egress.connect_to("both.example.com:443")
    assert said.endswith(f"{PUBLIC}:443 was asked: hello")


@pytest.mark.parametrize("egress", [["allow api.example.com"]], indirect=True)
def test_hosts_and_ports_that_are_not_listed_are_refused(egress):
    for target in ("db.example.com:443", "api.example.com:22", f"{PUBLIC}:443"):
        answer, _ = egress.connect_to(target)
        assert answer.startswith(f"HTTP/1.1 403 Stratus refused {target}: not on this run's list of hosts (--egress-allow)")


def test_what_does_not_answer_is_said(egress):
    answer, _ = egress.connect_to("no.such.example.com:443")
    assert answer.startswith("HTTP/1.1 502 Stratus found no address of no.such.example.com")
    answer, _ = egress.connect_to("api.example.com:80")
    assert answer.startswith("HTTP/1.1 200 ")


def test_it_keeps_no_right_that_it_does_not_need(egress):
    egress.connect_to("api.example.com:443")
    status = pathlib.Path(f"/proc/{egress.process.pid}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["Uid"].split() == ["65534"] * 4
    assert fields["Groups"].strip() == ""
    assert fields["CapEff"] == fields["CapPrm"] == "0000000000000000"
    assert fields["NoNewPrivs"] == "1"


def test_an_interrupt_is_the_engines_and_it_ends_with_the_engine(network):
    egress = Egress(network, ["allow *"])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        egress.process.send_signal(number)
    with egress.connect() as held:
        held.sendall(b"CONNECT api.example.com:443 HTTP/1.1\r\n\r\n")
        assert held.recv(65536).startswith(b"HTTP/1.1 200 ")
        held.sendall(b"hold")
        assert egress.stop() == 0
        assert held.recv(1) == b""


def test_a_flood_of_refusals_is_counted_and_bounded(egress):
    for _ in range(200):
        egress.ask(b"CONNECT 127.0.0.1:9090 HTTP/1.1\r\n\r\n")
    egress.engine.kill()
    egress.process.wait(60)
    records = egress.records()
    assert len(records) < 60
    assert sum(int(record.split("count=")[1].split()[0]) for record in records) == 200
