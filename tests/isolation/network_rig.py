"""A machine with a network of its own, for tests: two namespaces and a wire between them. Needs root.

The machine is 5.9.0.1 and 10.77.0.1; the net has 5.9.0.2 (public) and 10.77.0.2 (private). Numbers that are public
elsewhere are ours alone in here. Names come from a hosts file that the test writes.
"""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap

from programs import BUILD, RUNNING

PUBLIC, PRIVATE = "5.9.0.2", "10.77.0.2"
OWN = "5.9.0.1"
ROUTED = "5.9.200.1"  # local by a route; no interface shows it

# What listens in a namespace: says who was asked, and what for.
SERVER = textwrap.dedent("""
    import os, socket, sys, threading
    def serve(host, port):
        listener = socket.create_server((host, port))
        os.write(1, b"listens\\n")
        while True:
            client, _ = listener.accept()
            threading.Thread(target=answer, args=(client, host, port), daemon=True).start()
    def answer(client, host, port):
        asked = client.recv(65536)
        if asked.startswith(b"hold"):
            client.recv(1)
        body = f"{host}:{port} was asked: ".encode() + asked
        client.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\nConnection: close\\r\\n\\r\\n" % len(body) + body)
        client.close()
    for place in sys.argv[1:]:
        host, port = place.rsplit(":", 1)
        threading.Thread(target=serve, args=(host, int(port))).start()
""")


def start(command, **options):
    process = subprocess.Popen(command, **options)
    RUNNING.append(process)
    return process


class Namespace:
    """A network namespace that lives as long as its first process, and sees a hosts file of its own."""

    def __init__(self, folder):
        self.hosts = folder / "hosts"
        self.hosts.write_text("127.0.0.1 localhost\n")
        # Nobody answers: a name that the hosts file does not have is not there.
        resolver = folder / "resolv.conf"
        resolver.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        script = (
            f"mount --bind {self.hosts} /etc/hosts; mount --bind {resolver} /etc/resolv.conf; ip link set lo up; echo up; exec sleep 86400"
        )
        self.holder = start(["unshare", "--net", "--mount", "sh", "-ec", script], stdout=subprocess.PIPE)
        assert self.holder.stdout.readline() == b"up\n"
        self.prefix = ["nsenter", "--target", str(self.holder.pid), "--net", "--mount"]

    def run(self, command):
        return subprocess.run([*self.prefix, "sh", "-ec", command], check=True, capture_output=True, text=True).stdout

    def serve(self, *places):
        process = start([*self.prefix, sys.executable, "-c", SERVER, *places], stdout=subprocess.PIPE)
        for _ in places:
            assert process.stdout.readline() == b"listens\n"
        return process

    def stop(self):
        self.holder.kill()
        self.holder.wait()


class Network:
    def __init__(self, folder):
        self.folder = folder
        (folder / "machine").mkdir()
        (folder / "net").mkdir()
        self.machine = Namespace(folder / "machine")
        self.net = Namespace(folder / "net")
        self.machine.run(f"ip link add wire type veth peer name wire netns {self.net.holder.pid}")
        for namespace, last in ((self.machine, 1), (self.net, 2)):
            namespace.run(f"ip address add 5.9.0.{last}/24 dev wire; ip address add 10.77.0.{last}/24 dev wire; ip link set wire up")
        self.machine.run("ip route add local 5.9.200.0/24 dev lo")
        self.servers = [
            self.net.serve(f"{PUBLIC}:443", f"{PUBLIC}:80", f"{PRIVATE}:443"),
            self.machine.serve("127.0.0.1:443", f"{OWN}:443", f"{ROUTED}:443", "127.0.0.1:9090"),
        ]

    def stop(self):
        for server in self.servers:
            server.kill()
            server.wait()
        self.machine.stop()
        self.net.stop()


class Egress:
    """stratus-egress as the shim starts it, on the machine of a Network; `engine` stands for the engine."""

    def __init__(self, network, policy):
        # Unix sockets have short addresses.
        self.folder = tempfile.TemporaryDirectory(prefix="stratus-egress-")
        self.path = f"{self.folder.name}/egress"
        self.journal = network.folder / f"journal-{os.path.basename(self.folder.name)}"
        policy_file = network.folder / f"policy-{os.path.basename(self.folder.name)}"
        policy_file.write_text("door proxy\n" + "".join(f"{line}\n" for line in policy))
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path)
        listener.listen(128)
        self.engine = start(["sleep", "86400"])
        pidfd = os.pidfd_open(self.engine.pid)
        given = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100) for fd in (pidfd, listener.fileno())]

        def place():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            for number, fd in enumerate(given, start=3):
                os.dup2(fd, number)

        self.process = start(
            [*network.machine.prefix, BUILD / "bin" / "stratus-egress", policy_file, self.journal],
            preexec_fn=place,  # noqa: PLW1509  # no thread runs here
            pass_fds=(3, 4),
        )
        for fd in (pidfd, *given):
            os.close(fd)
        listener.close()

    def ask(self, request):
        with self.connect() as client:
            client.sendall(request)
            return read_all(client)

    def connect(self):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(60)
        client.connect(self.path)
        return client

    def connect_to(self, target):
        """The proxy's answer to CONNECT, and what the other side says to `hello`."""
        with self.connect() as client:
            client.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
            answer = b""
            while b"\r\n\r\n" not in answer:
                block = client.recv(65536)
                if not block:
                    return answer.decode(), ""
                answer += block
            if not answer.startswith(b"HTTP/1.1 200 "):
                return answer.decode(), ""
            client.sendall(b"hello")
            return answer.decode(), read_all(client).decode()

    def records(self):
        return self.journal.read_text().splitlines()

    def stop(self):
        self.engine.kill()
        self.engine.wait()
        code = self.process.wait(60)
        self.folder.cleanup()
        return code


def read_all(client):
    text = b""
    while block := client.recv(65536):
        text += block
    return text
