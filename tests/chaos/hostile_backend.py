#!/usr/bin/env python3
"""The service of proto/hostile.proto, on bytes: it must not be what is slow. usage: hostile_backend.py

Prints its port, then serves until it is ended.
"""

from concurrent import futures

import grpc

BYTES_MAX = 64 << 20


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def goods(text):
    return b"\x0a" + varint(len(text)) + text


def get(request, context):
    return goods(b"here you are")


def big(request, context):
    size = read_varint(request, 1)[0] if request else 0
    return goods(b"x" * size)


def take(request, context):
    size = read_varint(request, 1)[0] if request else 0
    return b"\x08" + varint(size) if size else b""


def main():
    server = grpc.server(
        futures.ThreadPoolExecutor(8),
        options=[("grpc.max_receive_message_length", BYTES_MAX), ("grpc.max_send_message_length", BYTES_MAX)],
    )
    methods = {"Get": get, "Big": big, "Take": take}
    handlers = {name: grpc.unary_unary_rpc_method_handler(method) for name, method in methods.items()}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("stratus.hostile.v1.Shop", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
