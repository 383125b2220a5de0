"""docs/how-to/your-own-service.md, followed from its first line to its last, with a service that is not ours."""

import contextlib
import os
import pathlib
import random
import re
import socket
import sys

from page import Follower, Step, matches, read
from programs import BUILD, DEPS, ROOT

PAGE = ROOT / "docs/how-to/your-own-service.md"
# Set-up has done this.
DONE = ("./dev ", "export PATH=", "mkdir ~/own", "pip install ")
PORTS = ("50051", "8080", "8090")


def free_ports(count):
    """Below those that the kernel gives away: between here and their use nobody else's connection takes one of them."""
    first_given = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    candidates = list(range(max(1024, first_given - 10_000), first_given))
    random.shuffle(candidates)
    ports = []
    for port in candidates:
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            ports.append(str(port))
        if len(ports) == count:
            return ports
    raise AssertionError("there are no free ports")


def on_free_ports(text):
    for port, free in zip(PORTS, free_ports(len(PORTS)), strict=True):
        text = re.sub(rf"\b{port}\b", free, text)
    return text.replace("stratus-gateway --listen", "stratus-gateway --admin-listen=127.0.0.1:0 --listen")


def test_the_page_can_be_followed(tmp_path):
    path = [str(BUILD / "bin"), str(DEPS / "bin"), str(pathlib.Path(sys.executable).parent), os.environ["PATH"]]
    commands = 0
    with Follower(tmp_path, {"PATH": ":".join(path)}) as follower:
        for step in read(on_free_ports(PAGE.read_text(encoding="utf-8"))):
            if not isinstance(step, Step):
                name, content = step
                (tmp_path / name).write_text(content, encoding="utf-8")
            elif not step.command.startswith(DONE):
                printed = follower.follow(step.command)
                assert matches(step.output, printed), f"$ {step.command}\n{printed}\nis not what the page says:\n{step.output}"
                commands += 1
    assert commands > 15


def test_what_differs_is_told_apart():
    assert matches('{"a":...,"b":2}', '{"a":1,"b":2}\n')
    assert not matches('{"a":...,"b":2}', '{"a":1,"b":3}')
    assert not matches("", "something")
