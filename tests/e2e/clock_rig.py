"""A clock that can be set while programs run."""

import struct
import subprocess

from programs import ROOT


class JumpingClock:
    """The wall clock of the programs that get its environment, set ahead or back by so many seconds."""

    def __init__(self, folder):
        library = folder / "jumping_clock.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, ROOT / "tests" / "e2e" / "jumping_clock.c", "-ldl"], check=True)
        self.path = folder / "clock"
        self.path.write_bytes(bytes(8))
        self.environment = {"LD_PRELOAD": str(library), "STRATUS_CLOCK_FILE": str(self.path)}

    def set(self, seconds):
        with open(self.path, "r+b") as file:
            file.write(struct.pack("@l", seconds))
