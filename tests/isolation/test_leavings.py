"""What a run leaves behind, and what it does to how it is watched: the service believes none of it, and waits for none of it."""

import pytest
from isolation_rig import message, status

# Of the run that the script is in.
HERE = """
import os, pathlib, signal, time
data, run = pathlib.Path({data!r}), pathlib.Path.cwd().name
control = data / "control" / run / "1-apply"
"""


def script(rig, text):
    return HERE.format(data=str(rig.home / "data")) + text


FORGES_ITS_END = """
shim = int((control / "shim.pid").read_text().split()[0])
os.kill(shim, signal.SIGKILL)
(control / "exit.json").write_text('{"code":0,"signal":0,"timed_out":false}')
time.sleep(3)
raise SystemExit(1)
"""

SHOWS_THE_KEYS_AS_ITS_ERROR = """
(control / "stderr").unlink()
(control / "stderr").symlink_to(data / "keys")
(control / "events.jsonl").unlink()
raise SystemExit(1)
"""


def test_a_forged_end_is_believed_without_isolation_alone(open_rig, strict_rig):
    assert status(open_rig.script(script(open_rig, FORGES_ITS_END))) == "APPLIED", "it shows nothing"
    assert status(strict_rig.script(script(strict_rig, FORGES_ITS_END))) == "ERRORED"
    strict_rig.serves()


def test_a_linked_log_shows_the_keys_without_isolation_alone(open_rig, strict_rig):
    keys = (open_rig.home / "data" / "keys").read_text().split(":", 1)[1].strip()
    shown = open_rig.script(script(open_rig, SHOWS_THE_KEYS_AS_ITS_ERROR))
    assert keys in message(shown), "it shows nothing"
    keys = (strict_rig.home / "data" / "keys").read_text().split(":", 1)[1].strip()
    withheld = strict_rig.script(script(strict_rig, SHOWS_THE_KEYS_AS_ITS_ERROR))
    assert status(withheld) == "ERRORED"
    assert keys not in str(withheld)
    strict_rig.serves()


LEFT = {
    "a FIFO for the state": 'os.mkfifo("errored.tfstate")',
    "a FIFO for the plan": 'os.mkfifo("plan.bin")',
    "a link for the state": 'os.symlink(data / "keys", "errored.tfstate")',
    "a folder for the state": 'os.makedirs("errored.tfstate/x")',
    "a socket for the state": 'import socket; socket.socket(socket.AF_UNIX).bind("errored.tfstate")',
    "an endless file": 'open("errored.tfstate", "wb").truncate(40 << 20)',
    "nothing": "import shutil; [shutil.rmtree(e, True) if e.is_dir() else e.unlink() for e in pathlib.Path('.').iterdir()]",
    "folders that shut everybody out": 'os.makedirs("a/b/c"); os.chmod("a/b", 0); os.chmod("a", 0o500); os.chmod(".", 0o500)',
    "a very deep folder": "[(os.mkdir('d' * 200), os.chdir('d' * 200)) for _ in range(1500)]",
    "links to elsewhere": 'os.symlink("/", "root"); os.symlink(data, "data"); os.symlink(".", "self")',
    "names that are none": "[open(b'n\\xff\\x1b' + bytes([65 + i]), 'w') for i in range(9)]; open('-rf', 'w')",
}


@pytest.mark.parametrize("what", LEFT)
@pytest.mark.parametrize("isolation", ["off", "strict"])
def test_whatever_is_left_is_looked_at_and_removed(open_rig, strict_rig, isolation, what):
    rig = open_rig if isolation == "off" else strict_rig
    run = rig.script(script(rig, LEFT[what]) + "\nraise SystemExit(1)")
    assert status(run) == "ERRORED", run
    assert (rig.home / "data" / "keys").exists()
    rig.wait_until_gone(run)
    rig.serves()


def test_what_a_run_starts_ends_with_it(strict_rig):
    mark = f"outlives-{strict_rig.stacks}"
    daemon = f"""
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.environ.clear()
        os.chdir("/")
        os.closerange(0, 64)
        os.execve("/usr/bin/python3", ["python3", "-c", "import time; time.sleep(900)", {mark!r}], {{}})
    os._exit(0)
time.sleep(0.2)
"""
    run = strict_rig.script(script(strict_rig, daemon))
    assert status(run) == "APPLIED", run
    assert strict_rig.processes_with(mark) == []
    strict_rig.serves()
