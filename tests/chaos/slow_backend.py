#!/usr/bin/env python3
"""A gRPC server of limited means: answers every unary method with an empty message, so many calls at a time.

usage: slow_backend.py HOST:PORT [--workers=N] [--seconds=METHOD=S]... [--hold=METHOD]...

As a thread pool does, it takes whatever comes and works on calls one behind another, also on those whose caller has given
up. Methods named by --hold wait until a call of any method named `Release`. Prints its port.
"""

import argparse
import threading
import time
from concurrent import futures

import grpc


class AnyMethod(grpc.GenericRpcHandler):
    def __init__(self, seconds, hold):
        self.seconds = seconds
        self.hold = hold
        self.released = threading.Event()

    def service(self, call):
        name = call.method.rsplit("/", 1)[1]
        return grpc.unary_unary_rpc_method_handler(lambda request, context: self.answer(name))

    def answer(self, name):
        if name == "Release":
            self.released.set()
        elif name in self.hold:
            self.released.wait()
        time.sleep(self.seconds.get(name, 0))
        return b""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("listen")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--seconds", action="append", default=[])
    parser.add_argument("--hold", action="append", default=[])
    options = parser.parse_args()
    seconds = {name: float(value) for name, value in (pair.split("=") for pair in options.seconds)}
    server = grpc.server(futures.ThreadPoolExecutor(options.workers), options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers([AnyMethod(seconds, options.hold)])
    port = server.add_insecure_port(options.listen)
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
