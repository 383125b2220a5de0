"""The test's own process in a network namespace of its own, so that it can be the host that is attacked. Needs root."""

import contextlib
import ctypes
import os
import subprocess

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def _check(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), "namespace")


@contextlib.contextmanager
def own_network(*addresses):
    """A loopback with these addresses on it beside its own; what is started within is in there too."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _check(LIBC.unshare(CLONE_NEWNET))
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        for address in addresses:
            subprocess.run(["ip", "address", "add", address, "dev", "lo"], check=True)
        yield
    finally:
        _check(LIBC.setns(before, CLONE_NEWNET))
        os.close(before)
