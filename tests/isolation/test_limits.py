"""What a run takes of the machine. Each bomb goes off where the limit is far away, and ends its run with a sentence where it is near."""

import pytest
from isolation_rig import message, status

WAIT = "\nimport time\ntime.sleep(100)"
# What it does (up to a bound that the wide limits allow), and what its run is told.
BOMBS = {
    "disk": ("for i in range(40): open(f'f{i}', 'wb').write(bytes(2 << 20))", "took more than 48 MiB (--run-disk-mb)"),
    "disk without names": (
        "import os, tempfile\nheld = [tempfile.TemporaryFile(dir='.') for i in range(40)]\n"
        "for one in held: one.write(bytes(2 << 20)); one.flush()",
        "took more than 48 MiB (--run-disk-mb)",
    ),
    "files": ("for i in range(4000): open(f'f{i}', 'w')", "made more than 3000 files (--run-files)"),
    "deep folders": ("import os\nfor i in range(400): os.mkdir('d'); os.chdir('d')", "made more than 3000 files (--run-files)"),
    "memory": (
        "import os, time\nfor i in range(8):\n  if os.fork() == 0:\n    held = bytearray(os.urandom(1)) * (120 << 20); time.sleep(100)",
        "took more than 640 MiB of memory (--run-memory-mb)",
    ),
    "processes": (
        "import os, sys, time\nfor i in range(400):\n  try:\n    if os.fork() == 0: time.sleep(100); os._exit(0)\n"
        "  except BlockingIOError: pass",
        "it had 150 processes, threads counted, and may have no more (--run-processes)",
    ),
    "output": ("for i in range(1500): print('x' * 8000)", "printed more than 8 MiB (--run-output-mb)"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_ends_its_run_and_nothing_else(strict_rig, bomb):
    code, sentence = BOMBS[bomb]
    run = strict_rig.script(code + WAIT)
    assert status(run) == "ERRORED", run
    assert sentence in message(run)
    strict_rig.wait_until_gone(run)
    strict_rig.serves()


@pytest.mark.parametrize("bomb", [bomb for bomb in BOMBS if bomb not in ("memory", "deep folders")])
def test_the_same_goes_through_where_the_limit_is_far_away(open_rig, bomb):
    code = BOMBS[bomb][0].replace("time.sleep(100); os._exit(0)", "os._exit(0)")
    assert status(open_rig.script(code)) == "APPLIED"


def test_what_is_no_disk_is_bounded_too(strict_rig):
    """/tmp and /dev/shm are memory, /dev has no room at all, and nothing but these and the work folder can be written to."""
    code = """
import errno, os, pathlib
def room(folder, most):
    try:
        with open(f"{folder}/filler", "wb") as file:
            for i in range(most): file.write(bytes(1 << 20))
    except OSError as error:
        return error.errno
assert room("/dev/shm", 64) == errno.ENOSPC
assert room("/dev", 1) == errno.EROFS
assert room("/", 1) in (errno.EROFS, errno.EACCES)
assert room("/usr", 1) in (errno.EROFS, errno.EACCES)
assert room("/etc", 1) in (errno.EROFS, errno.EACCES)
"""
    run = strict_rig.script(code)
    assert status(run) == "APPLIED", run
