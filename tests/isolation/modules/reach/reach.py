"""One line of JSON: what became of each attack. Exits with 1, so that it is seen in the run's error."""

import base64
import json
import os
import socket
import sys
import urllib.parse

SECONDS_MAX = 5


def talk(family, address, bytes_sent=b"GET / HTTP/1.0\r\n\r\n"):
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(SECONDS_MAX)
        client.connect(address)
        client.sendall(bytes_sent)
        return client.recv(4096).decode(errors="replace")


def tcp(host, port):
    return talk(socket.AF_INET6 if ":" in host else socket.AF_INET, (host, int(port)))


def unix(path):
    return talk(socket.AF_UNIX, path)


def abstract(name):
    return talk(socket.AF_UNIX, "\0" + name)


def proxy_address():
    proxy = urllib.parse.urlsplit(os.environ.get("HTTPS_PROXY", ""))
    return (proxy.hostname, proxy.port) if proxy.hostname else None


def named(host, port):
    """As a provider asks: by the proxy that the environment names, or directly where it names none."""
    address = proxy_address()
    if address is None:
        return talk(socket.AF_INET, (host, int(port)))
    answer = talk(socket.AF_INET, address, f"CONNECT {host}:{port} HTTP/1.1\r\n\r\n".encode())
    if not answer.startswith("HTTP/1.1 200 "):
        raise PermissionError(answer.splitlines()[0])
    return answer


def plain(host, port):
    """The same for an http:// address."""
    address = proxy_address()
    if address is None:
        return talk(socket.AF_INET, (host, int(port)))
    answer = talk(socket.AF_INET, address, f"GET http://{host}:{port}/ HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    if not answer.startswith("HTTP/1.1 200 "):
        raise PermissionError(answer.splitlines()[0])
    return answer


def state(run, password):
    """Another run's state, with that run's own credentials."""
    own = urllib.parse.urlsplit(os.environ["TF_HTTP_ADDRESS"])
    authorization = base64.b64encode(f"{run}:{password}".encode()).decode()
    head = f"GET /state/{run} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic {authorization}\r\n\r\n"
    answer = talk(socket.AF_INET, (own.hostname, own.port), head.encode())
    if answer.split()[1] not in ("200", "204"):
        raise PermissionError(answer.splitlines()[0])
    return answer


def raw(kind):
    family, protocol = {"icmp": (socket.AF_INET, socket.IPPROTO_ICMP), "packet": (socket.AF_PACKET, socket.htons(3))}[kind]
    with socket.socket(family, socket.SOCK_RAW, protocol):
        return "opened"


KINDS = {kind.__name__: kind for kind in (tcp, unix, abstract, named, plain, state, raw)}
attacks = json.loads(os.environ["ATTACKS"])
found = {}
for name, kind, *arguments in attacks:
    try:
        said = KINDS[kind](*arguments)
        found[name] = "REACHED" if said else "nothing was said"
    except OSError as error:
        # A run's error has room for a page of text.
        found[name] = f"{type(error).__name__}: {error}"[: max(18, 600 // len(attacks))]
print("FOUND " + json.dumps(found))
sys.exit(1)
