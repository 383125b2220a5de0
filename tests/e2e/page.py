"""Follows a how-to page: writes the files that it shows, runs its commands in order, and holds what they print against it.

A block that begins with `# NAME` is a file. In a console block a line with `$ ` is a command, one that ends with ` &` goes on in the
background until the page starts the same program anew, and the lines behind it are its output, where `...` stands for anything.
"""

import re
import socket
import subprocess
import time
from dataclasses import dataclass

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PORT_LAST = re.compile(r" (\d+)$")
START_SECONDS_MAX = 120
COMMAND_SECONDS_MAX = 240


@dataclass
class Step:
    command: str
    output: str = ""


def read(text):
    """Yields a (name, content) for a file, and a Step for a command."""
    for language, block in FENCE.findall(text):
        first, _, rest = block.partition("\n")
        if language != "console":
            yield first.removeprefix("# "), rest
            continue
        for chunk in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = re.sub(r"\\\n", "\\\\\0", chunk).partition("\n")
            yield Step(command.replace("\\\0", "\\\n"), output)


def matches(expected, printed):
    pattern = ".*".join(map(re.escape, expected.strip().split("...")))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


def listens(command):
    """Whether a program that is told its port as the last word, and nothing else, has begun to listen there."""
    port = PORT_LAST.search(command)
    if port is None:
        return False
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(port[1]))) == 0


class Follower:
    """Runs steps in a folder; to be used by `with`, which ends what still runs."""

    def __init__(self, folder, env):
        self.folder = folder
        self.env = env
        self.preamble = []  # exports and functions, which later commands see
        self.running = {}  # program -> Popen

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for program in list(self.running):
            self.stop(program)

    def follow(self, command):
        """What the command printed."""
        if command.startswith("export ") or re.match(r"\w+\(\) ", command):
            self.preamble.append(command)
            return ""
        if command.endswith(" &"):
            self.start(command.removesuffix(" &"))
            return ""
        done = subprocess.run(
            ["bash", "-c", "\n".join([*self.preamble, command])],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS_MAX,
        )
        return done.stdout + done.stderr

    def start(self, command):
        program = command.split()[0]
        self.stop(program)
        ready = self.folder / f"{program}.ready"
        ready.unlink(missing_ok=True)
        if program.startswith("stratus-"):
            command += f" --ready-file={ready}"
        log = self.folder / f"{program}.log"
        with open(log, "w", encoding="utf-8") as out:
            script = "\n".join([*self.preamble, f"exec {command}"])
            process = subprocess.Popen(["bash", "-c", script], cwd=self.folder, env=self.env, stdout=out, stderr=out)
        self.running[program] = process
        deadline = time.monotonic() + START_SECONDS_MAX
        while not (ready.exists() or listens(command)):
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{command}\ndoes not get ready:\n{log.read_text(encoding='utf-8')}")
            time.sleep(0.02)

    def stop(self, program):
        process = self.running.pop(program, None)
        if process is not None:
            process.terminate()
            process.wait(START_SECONDS_MAX)
