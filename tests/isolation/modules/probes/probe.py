"""Tries of a module's own code to reach what is not its own. Each returns whether it came through; an error is a no.

Run by the module; the tests read ATTACKS from here too. TARGETS in the environment is JSON: where what is to be reached is.
"""

import ctypes
import errno
import json
import mmap
import os
import pathlib
import signal
import socket
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
ATTACKS = {}
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
TIOCSTI = 0x5412


def attack(function):
    ATTACKS[function.__name__] = function
    return function


def system_call(number, *arguments):
    """The result, or -errno."""
    result = LIBC.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    return -ctypes.get_errno() if result == -1 else result


def in_child(function):
    """Whether it came through in a process of its own, which it may change or lose."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if function() else 1)
        except BaseException:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def read(path):
    return len(pathlib.Path(path).read_bytes()) > 0


# Files of the service, of other runs, and of the machine.


@attack
def reads_the_keys(to):
    return read(f"{to['data']}/keys")


@attack
def reads_the_database(to):
    return read(f"{to['data']}/provisioning.db")


@attack
def reads_the_secret_of_the_state_listener(to):
    return read(f"{to['data']}/state-backend.secret")


@attack
def lists_the_data_folder(to):
    return "keys" in os.listdir(to["data"])


@attack
def lists_other_runs(to):
    return to["victim"] in os.listdir(f"{to['data']}/runs")


@attack
def reads_the_variables_of_another_run(to):
    return read(f"{to['data']}/runs/{to['victim']}/stratus.auto.tfvars.json")


@attack
def writes_into_the_folder_of_another_run(to):
    place = pathlib.Path(to["data"], "runs", to["victim"], "intruder")
    place.write_text("x")
    place.unlink()
    return True


@attack
def reads_its_own_control_files(to):
    return read(f"{to['data']}/control/{pathlib.Path.cwd().name}/1-apply/spec")


@attack
def writes_beside_its_own_control_files(to):
    place = pathlib.Path(to["data"], "control", pathlib.Path.cwd().name, "1-apply", "intruder")
    place.write_text("x")
    place.unlink()
    return True


@attack
def reads_the_keys_by_a_link(to):
    os.symlink(f"{to['data']}/keys", "to-keys")
    return read("to-keys")


@attack
def reads_the_keys_by_a_hard_link(to):
    os.link(f"{to['data']}/keys", "hard-keys")
    return read("hard-keys")


@attack
def reads_a_file_of_the_host(to):
    return read(to["host_file"])


@attack
def writes_a_file_of_the_host(to):
    place = pathlib.Path(to["host_folder"], "intruder")
    place.write_text("x")
    place.unlink()
    return pathlib.Path(to["host_file"]).exists()  # else it is a folder of that name in a /tmp of its own


@attack
def sees_the_tmp_of_the_host(to):
    return pathlib.Path(to["host_tmp_file"]).exists()


@attack
def reads_the_accounts_of_the_host(to):
    return "root:" in pathlib.Path("/etc/passwd").read_text()


@attack
def reads_the_passwords_of_the_host(to):
    return read("/etc/shadow")


@attack
def sees_the_devices_of_the_host(to):
    return pathlib.Path("/sys/devices").exists()


@attack
def makes_a_device(to):
    os.mknod("device", 0o600 | 0o060000, os.makedev(7, 0))
    return True


# Other processes.


@attack
def sees_the_process_of_the_service(to):
    return b"stratus-provisioning" in pathlib.Path(f"/proc/{to['service']}/cmdline").read_bytes()


@attack
def reads_the_environment_of_the_service(to):
    return b"AWS_SECRET" in pathlib.Path(f"/proc/{to['service']}/environ").read_bytes()


@attack
def reads_the_keys_through_the_root_of_the_service(to):
    return read(f"/proc/{to['service']}/root{to['data']}/keys")


@attack
def reads_an_open_file_of_the_service(to):
    return read(f"/proc/{to['service']}/cwd/{to['cwd_file']}")


@attack
def reads_the_memory_map_of_the_service(to):
    return read(f"/proc/{to['service']}/maps")


@attack
def reads_the_environment_of_another_engine(to):
    return b"TF_HTTP_PASSWORD" in pathlib.Path(f"/proc/{to['engine']}/environ").read_bytes()


@attack
def may_signal_the_service(to):
    os.kill(to["service"], 0)
    return True


@attack
def may_signal_another_engine(to):
    os.kill(to["engine"], 0)
    return True


@attack
def may_signal_its_own_shim(to):
    shim = pathlib.Path(to["data"], "control", pathlib.Path.cwd().name, "1-apply", "shim.pid").read_text()
    os.kill(int(shim.split()[0]), 0)
    return True


@attack
def traces_another_engine(to):
    def seize():
        return LIBC.ptrace(0x4206, to["engine"], None, None) == 0

    return in_child(seize)


@attack
def reads_the_memory_of_another_engine(to):
    buffer = ctypes.create_string_buffer(16)
    start = int(pathlib.Path(f"/proc/{to['engine']}/maps").read_text().split("-")[0], 16)
    local = struct.pack("QQ", ctypes.addressof(buffer), 16)
    remote = struct.pack("QQ", start, 16)
    return system_call(310, to["engine"], local, 1, remote, 1, 0) == 16


@attack
def takes_a_descriptor_of_another_engine(to):
    pidfd = os.pidfd_open(to["engine"])
    return system_call(438, pidfd, 1, 0) >= 0


@attack
def connects_to_the_private_socket_of_the_service(to):
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(to["socket"])
    return True


# The kernel.


@attack
def has_the_uid_of_the_service(to):
    return os.getuid() == 0


@attack
def has_capabilities(to):
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("CapEff:")[1].split()[0], 16) != 0


@attack
def may_gain_rights_by_a_program(to):
    return "NoNewPrivs:\t0" in pathlib.Path("/proc/self/status").read_text()


@attack
def is_under_no_filter(to):
    return "Seccomp:\t0" in pathlib.Path("/proc/self/status").read_text()


@attack
def makes_a_user_namespace(to):
    return in_child(lambda: LIBC.unshare(CLONE_NEWUSER) == 0)


@attack
def makes_a_user_namespace_by_clone(to):
    child = system_call(56, CLONE_NEWUSER | signal.SIGCHLD, 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    return child > 0 and os.waitpid(child, 0)[0] == child


@attack
def makes_a_mount_namespace(to):
    return in_child(lambda: LIBC.unshare(CLONE_NEWNS) == 0)


@attack
def joins_the_namespace_of_the_service(to):
    return in_child(lambda: LIBC.setns(os.open(f"/proc/{to['service']}/ns/uts", os.O_RDONLY), 0) == 0)


@attack
def uses_the_keys_of_the_kernel(to):
    return system_call(250, 0, -3, 1) > 0


@attack
def loads_a_program_into_the_kernel(to):
    attributes = struct.pack("IIIII", 2, 4, 4, 1, 0) + bytes(100)
    return system_call(321, 0, attributes, len(attributes)) >= 0


@attack
def makes_an_io_ring(to):
    return system_call(425, 4, bytes(120)) >= 0


@attack
def names_files_by_handle(to):
    handle = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + bytes(128))
    mount = ctypes.c_int()
    return system_call(303, -100, b"/usr", handle, ctypes.byref(mount), 0) == 0


@attack
def opens_a_socket_of_the_crypto_api(to):
    socket.socket(38, socket.SOCK_SEQPACKET).close()
    return True


@attack
def opens_a_packet_socket(to):
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
    return True


@attack
def opens_a_netlink_socket_of_the_audit(to):
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9).close()
    return True


@attack
def types_into_a_terminal(to):
    with open("/dev/null", "rb") as null:
        result = system_call(16, null.fileno(), TIOCSTI, b"x")
    return result == -errno.ENOTTY  # the kernel has looked at it: this is no terminal


@attack
def turns_off_random_addresses(to):
    return in_child(lambda: LIBC.personality(0x0040000) != -1)


@attack
def makes_memory_that_outlives_it(to):
    segment = system_call(29, 0, 4096, 0o1600)
    if segment >= 0:
        system_call(31, segment, 0, 0)
    return segment >= 0


@attack
def makes_a_call_of_another_architecture(to):
    if os.uname().machine != "x86_64":
        return False
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")  # mov eax, getpid; int 0x80; ret
    entry = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
    return in_child(lambda: entry() == os.getpid())


def attempt(function, to):
    try:
        return bool(function(to))
    except Exception:
        return False


if __name__ == "__main__":
    targets = json.loads(os.environ["TARGETS"])
    json.dump({name: attempt(function, targets) for name, function in ATTACKS.items()}, sys.stdout)
