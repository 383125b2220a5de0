#!/usr/bin/env python3
"""The honest client's times beside each attack of the hostile suite, with 1.5 GB of address space; cores are shared.

usage: hostile_bench.py [--rounds=3] [ATTACK...]
"""

import argparse
import os
import pathlib
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
os.environ.setdefault("STRATUS_BUILD", str(ROOT / "build-release"))
sys.path[:0] = [str(ROOT / "tests/e2e"), str(ROOT / "tests/chaos")]

import hostile_attacks as attacks  # noqa: E402
from hostile_rig import GIB, Door, Honest  # noqa: E402

AIM_MS = 250
SECONDS_A_ROUND = 4
ATTACKS = {
    "nobody attacks": lambda door: time.sleep(SECONDS_A_ROUND),
    "pipelined pages, unread": lambda door: attacks.pipeline_unread(door, attacks.ANSWERED_IN_PLACE["page"]),
    "pipelined kept replies, unread": lambda door: attacks.pipeline_unread(door, attacks.ANSWERED_IN_PLACE["kept"]),
    "HTTP/2 pages, unread": attacks.streams_unread,
    "bodies that pause": attacks.pause_in_bodies,
    "gzip bombs": attacks.gzip_bombs,
    "replies behind shut windows": attacks.shut_windows,
    "provoked resets": attacks.provoked_resets,
    "header bombs": attacks.header_bomb,
    "one-byte frames": lambda door: attacks.cheap_frames(door, "one-byte"),
    "unknown frames": lambda door: attacks.cheap_frames(door, "unknown"),
    "chunk extensions": attacks.chunk_extensions,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("attacks", nargs="*", metavar="ATTACK")
    options = parser.parse_args()
    chosen = {name: attack for name, attack in ATTACKS.items() if not options.attacks or name in options.attacks}
    print(f"| attack | honest calls | median ms | p99 ms (aim {AIM_MS}) | failed | peak MiB |")
    print("| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for name, attack in chosen.items():
            door = Door(pathlib.Path(folder) / name.replace(" ", "-").replace("/", ""), 3 * GIB // 2)
            try:
                seconds, failed, p99 = [], 0, []
                for _ in range(options.rounds):
                    end = time.monotonic() + SECONDS_A_ROUND
                    with Honest(door) as honest:
                        while time.monotonic() < end:
                            attack(door)
                    seconds += honest.seconds
                    failed += len(honest.failures)
                    p99.append(honest.p99_ms())
                median = 1000 * statistics.median(seconds)
                print(
                    f"| {name} | {len(seconds)} | {median:.1f} | {statistics.median(p99):.1f} | {failed} | {door.peak_bytes() >> 20} |",
                    flush=True,
                )
            finally:
                door.stop()


if __name__ == "__main__":
    main()
