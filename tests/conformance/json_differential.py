#!/usr/bin/env python3
"""Our transcoder against the current Python protobuf's json_format, both ways, over random messages.

    json_differential.py --driver build/tests/transcode_driver --descriptors build/gateway/transcode/testdata.pb \
        [--seed 1] [--count 2000] [--schemas 5]

Each message is tried as it is serialized and scrambled (variants.py: any order of fields, unknown ones, packed and not,
merged with another), its JSON as it is printed, in other words, with unknown members, and damaged. Each case comes from the
seed alone, so a failure is repeated by its seed. Besides the types of the descriptor set,
`--schemas` random ones are made, each with its own types. Needs protobuf 6.31 or newer. Exits with 1 on a difference.
"""

import argparse
import json
import random
import re
import struct
import subprocess
import sys
import tempfile
import time

import variants
from google.protobuf import descriptor_pb2, json_format
from google.protobuf.message import DecodeError
from json_difference import difference, no_twice
from random_messages import Context
from random_schema import random_file

PRINT_ABSENT, PROTO_NAMES, ENUM_NUMBERS, IGNORE_UNKNOWN = 1, 2, 4, 8


class Driver:
    """The C++ transcoder, as a process."""

    def __init__(self, path, descriptors):
        self.process = subprocess.Popen([path, descriptors], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def translate(self, direction, bits, type_name, payload):
        name = type_name.encode()
        self.process.stdin.write(direction + bytes([bits]) + struct.pack("<I", len(name)) + name)
        self.process.stdin.write(struct.pack("<I", len(payload)) + payload)
        self.process.stdin.flush()
        head = self.process.stdout.read(5)
        if len(head) < 5:
            sys.exit(f"the driver died on {direction} {type_name} {payload!r}")
        return head[:1] == b"+", self.process.stdout.read(struct.unpack("<I", head[1:])[0])

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def fail(seed, what, *details):
    print(f"DIFFERENCE, seed {seed}: {what}", *(detail[:2000] for detail in details), sep="\n  ")
    return 1


def check_message(context, driver, seed, type_name):
    rng = random.Random(f"{seed}/{type_name}")
    message = context.random(rng, type_name, rng.randrange(4))
    wire = message.SerializePartialToString()
    bits = rng.randrange(8)
    expected_text = to_json(context, message, bits)
    ok, ours = driver.translate(b"w", bits, type_name, wire)
    if not ok:
        return fail(seed, f"{type_name} refused: {ours.decode()}", wire.hex())
    if line := difference(json.loads(ours, object_pairs_hook=no_twice), json.loads(expected_text)):
        return fail(seed, f"{type_name} to JSON", line, wire.hex())

    for text in (ours.decode(), expected_text, variants.reencode(rng, json.loads(expected_text))):
        if failed := check_reading(context, driver, seed, type_name, text):
            return failed
    return (
        check_scrambled(context, driver, seed, type_name, rng, wire, bits)
        or check_reworded(context, driver, seed, type_name, rng, to_json(context, message, 0))
        or check_mutation(context, driver, seed, type_name, rng, expected_text)
    )


def to_json(context, message, bits):
    return json_format.MessageToJson(
        message,
        always_print_fields_with_no_presence=bool(bits & PRINT_ABSENT),
        preserving_proto_field_name=bool(bits & PROTO_NAMES),
        use_integers_for_enums=bool(bits & ENUM_NUMBERS),
        descriptor_pool=context.pool,
        ensure_ascii=False,
    )


def check_reading(context, driver, seed, type_name, text, bits=0):
    """Both read the text, and the same."""
    ok, back = driver.translate(b"j", bits, type_name, text.encode())
    if not ok:
        return fail(seed, f"{type_name} from JSON refused: {back.decode()}", text)
    expected = context.new(type_name)
    json_format.Parse(with_signed_zero(text), expected, ignore_unknown_fields=bool(bits & IGNORE_UNKNOWN), descriptor_pool=context.pool)
    parsed = context.new(type_name)
    parsed.MergeFromString(back)
    if line := message_difference(context, parsed, expected):
        return fail(seed, f"{type_name} from JSON", line, text)
    return 0


def check_scrambled(context, driver, seed, type_name, rng, wire, bits):
    """Wire format that a parser takes for the same message, and the merge of two."""
    descriptor = context.pool.FindMessageTypeByName(type_name)
    other = context.random(rng, type_name, rng.randrange(3))
    for scrambled in (
        variants.scramble(rng, descriptor, wire),
        variants.scramble(rng, descriptor, wire) + variants.scramble(rng, descriptor, other.SerializePartialToString()),
    ):
        message = context.new(type_name)
        message.MergeFromString(scrambled)
        try:
            expected = to_json(context, message, bits)
        except (json_format.SerializeToJsonError, DecodeError):
            continue  # a merge may have no JSON: Durations of two signs, an Any with another's type
        ok, ours = driver.translate(b"w", bits, type_name, scrambled)
        if not ok:
            return fail(seed, f"{type_name} scrambled, refused: {ours.decode()}", scrambled.hex())
        if line := difference(json.loads(ours, object_pairs_hook=no_twice), json.loads(expected)):
            return fail(seed, f"{type_name} scrambled, to JSON", line, scrambled.hex())
    return 0


def check_reworded(context, driver, seed, type_name, rng, text):
    descriptor = context.pool.FindMessageTypeByName(type_name)
    value = json.loads(text)
    if not isinstance(value, dict):
        return 0
    reworded = variants.reword(rng, descriptor, value)
    return check_reading(context, driver, seed, type_name, json.dumps(reworded)) or check_reading(
        context, driver, seed, type_name, json.dumps(variants.with_unknown(rng, reworded)), IGNORE_UNKNOWN
    )


def with_signed_zero(text):
    """Python reads -0 as the integer 0, where JSON has a number with a sign."""
    return re.sub(r"([\[:,]\s*-0)(?=\s*[,\]}])", r"\1.0", text)


def message_difference(context, a, b):
    # NaN is never equal to itself, but its bytes are; the bytes inside an Any hold maps in any order, but its JSON does not.
    if a == b or a.SerializePartialToString(deterministic=True) == b.SerializePartialToString(deterministic=True):
        return None
    return difference(*(json_format.MessageToDict(message, descriptor_pool=context.pool) for message in (a, b)))


# No exponent that leaves an integer whole: Python reads those through a float and loses digits that we keep.
MUTATIONS = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    "null",
    "true",
    "0",
    "1",
    "-",
    ".5",
    "e",
    " ",
    "\\u0041",
    "\\ud800",
    "x",
    "1e400",
    "99999999999",
]


def check_mutation(context, driver, seed, type_name, rng, text):
    """A damaged text: where both take it they must read the same. What only one takes is counted, not judged: Python's
    parser is laxer by design (NaN and control characters as JSON, `true` for a number, leading zeros in strings)."""
    for _ in range(3):
        at = rng.randrange(len(text) + 1)
        cut = rng.choice([0, 1, 1, 3])
        mutation = rng.choice(MUTATIONS)
        damaged = text[:at] + mutation + text[at + cut :]
        ok, back = driver.translate(b"j", 0, type_name, damaged.encode("utf-8", "surrogatepass"))
        expected = context.new(type_name)
        try:
            json_format.Parse(with_signed_zero(damaged), expected, descriptor_pool=context.pool)
        except Exception as refusal:  # json_format lets errors of several kinds through
            if ok:
                parsed = context.new(type_name)
                parsed.MergeFromString(back)
                STATISTICS["only ours takes"].append((str(refusal)[:150], damaged[max(0, at - 40) : at + 40]))
            continue
        if not ok:
            STATISTICS["only theirs takes"].append((back.decode(), damaged[max(0, at - 40) : at + 40]))
            continue
        if mutation == "e":
            continue  # it may have made an integer with an exponent: see MUTATIONS
        parsed = context.new(type_name)
        parsed.MergeFromString(back)
        if line := message_difference(context, parsed, expected):
            return fail(seed, f"{type_name} from damaged JSON", line, damaged)
    return 0


STATISTICS = {"only ours takes": [], "only theirs takes": []}


def run(context, driver, first_seed, count):
    failures = 0
    for seed in range(first_seed, first_seed + count):
        failures += check_message(context, driver, seed, context.types[seed % len(context.types)])
        if failures >= 10:
            break
    return failures


def round_of(options, files, seed):
    driver = Driver(options.driver, options.descriptors)
    failures = run(Context(files), driver, seed, options.count)
    driver.close()
    for schema in range(options.schemas):
        own = descriptor_pb2.FileDescriptorSet()
        own.file.extend(file for file in files.file if file.package == "google.protobuf")
        own.file.append(random_file(random.Random(f"schema {seed + schema}")))
        with tempfile.NamedTemporaryFile(suffix=".pb") as file:
            file.write(own.SerializeToString())
            file.flush()
            driver = Driver(options.driver, file.name)
            failures += run(Context(own), driver, seed + 1000 * schema, options.count // max(1, options.schemas))
            driver.close()
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--driver", required=True)
    parser.add_argument("--descriptors", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--schemas", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0, help="go on with further seeds for so long")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()

    files = descriptor_pb2.FileDescriptorSet()
    with open(options.descriptors, "rb") as file:
        files.ParseFromString(file.read())
    until = time.monotonic() + options.seconds
    failures = round_of(options, files, options.seed)
    while failures == 0 and time.monotonic() < until:
        options.seed += options.count * 10  # beyond the seeds of this round
        failures = round_of(options, files, options.seed)
        print(f"seeds up to {options.seed}: {failures} differences", file=sys.stderr)

    for name, cases in STATISTICS.items():
        print(f"{name}: {len(cases)} damaged texts")
        for case in cases[:40] if options.verbose else []:
            print("   ", *case, sep=" | ")
    print(f"{failures} differences")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
