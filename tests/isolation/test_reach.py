"""What a module's code can read, write, see and signal. Each attack comes through when nothing is isolated, and not in strict."""

import json
import sys

import pytest
from isolation_rig import MODULES, SECRET, message, status

sys.path.insert(0, str(MODULES / "probes"))
from probe import ATTACKS  # noqa: E402

# What an ordinary user cannot do anyway, or what he and his runs are alike in.
NEEDS_ROOT = {
    "reads_the_passwords_of_the_host",
    "makes_a_device",
    "has_the_uid_of_the_service",
    "has_capabilities",
    "makes_a_mount_namespace",
    "joins_the_namespace_of_the_service",
    "loads_a_program_into_the_kernel",
    "opens_a_packet_socket",
}
# What this kernel may have been built, or told, not to do for anybody.
NOT_EVERYWHERE = {
    "traces_another_engine",
    "reads_the_memory_of_another_engine",
    "takes_a_descriptor_of_another_engine",
    "reads_the_environment_of_another_engine",
    "makes_a_user_namespace",
    "makes_a_user_namespace_by_clone",
    "loads_a_program_into_the_kernel",
    "makes_an_io_ring",
    "opens_a_socket_of_the_crypto_api",
    "opens_a_netlink_socket_of_the_audit",
    "opens_a_packet_socket",
    "makes_a_call_of_another_architecture",
    "makes_memory_that_outlives_it",
    "reads_the_keys_by_a_hard_link",
}
SHOWN_MIN = {"root": 36, "ordinary": 30}


def results_of(rig):
    run = rig.run("probes", {"targets": rig.targets()})
    assert status(run) == "APPLIED", (run, rig.logs()[-3000:])
    return json.loads(rig.outputs(run)["results"])


@pytest.fixture(scope="session")
def shown(open_rig):
    results = results_of(open_rig)
    open_rig.serves()
    return results


@pytest.fixture(scope="session")
def withheld(strict_rig):
    results = results_of(strict_rig)
    strict_rig.serves()
    return results


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_comes_through_without_isolation_alone(user, shown, withheld, attack):
    if user != "root" and attack in NEEDS_ROOT:
        pytest.skip("an ordinary user cannot do it in the first place")
    if not shown[attack] and attack in NOT_EVERYWHERE:
        pytest.skip("this kernel does it for nobody")
    assert shown[attack], "it shows nothing"
    assert not withheld[attack]


def test_enough_is_shown(user, shown):
    assert sum(shown.values()) >= SHOWN_MIN[user], [name for name, done in shown.items() if not done]


@pytest.mark.parametrize("path", ["keys", "provisioning.db", "state-backend.secret", "/proc/SERVICE/environ"])
def test_an_expression_reads_what_its_run_can_read(open_rig, strict_rig, path):
    """`file()` in the module itself, with no program of its own."""
    for rig, comes_through in ((open_rig, True), (strict_rig, False)):
        service = str(rig.replicas["r0"].process.pid)
        place = path.replace("SERVICE", service) if path.startswith("/") else str(rig.home / "data" / path)
        run = rig.script("pass", path=place)
        # What is no text has file() fail in either case, and says so differently.
        text = rig.outputs(run)["text"] if status(run) == "APPLIED" else message(run)
        if path != "provisioning.db":
            assert (text != "cannot") == comes_through, text
        assert SECRET not in text or comes_through


def test_a_module_that_brings_our_own_names_along_is_run_like_any_other(strict_rig):
    run = strict_rig.run("stepnames", {})
    assert status(run) == "APPLIED", (run, strict_rig.logs()[-3000:])
    assert strict_rig.outputs(run) == {"one": "x"}
    strict_rig.serves()


def test_control_characters_in_names_reach_no_terminal(strict_rig):
    run = strict_rig.script("pass", names=["\x1b]0;owned\x07\x1b[2J"])
    assert status(run) == "APPLIED", run
    answers = [strict_rig.call(f"/v1/{run['name']}").body, strict_rig.call(f"/v1/stacks/{run['stack']}/outputs").body]
    answers.append(strict_rig.logs().encode())
    assert not [answer for answer in answers if b"\x1b" in answer or b"\x07" in answer]
