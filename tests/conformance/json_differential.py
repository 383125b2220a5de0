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
import math
import random
import re
import struct
import subprocess
import sys
import tempfile
import time

import variants
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError

PRINT_ABSENT, PROTO_NAMES, ENUM_NUMBERS, IGNORE_UNKNOWN = 1, 2, 4, 8
TYPE = descriptor_pb2.FieldDescriptorProto


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


# Random values.

INTERESTING_INTEGERS = [0, 1, -1, 2, 127, 128, 255, 1000, 65535, 2**31 - 1, -(2**31), 2**32 - 1, 2**53 + 1, 2**63 - 1, -(2**63), 2**64 - 1]
INTERESTING_FLOATS = [
    0.0,
    -0.0,
    1.0,
    -1.5,
    0.1,
    1e-7,
    1e21,
    1e22,
    123456.789,
    5e-324,
    1.7976931348623157e308,
    math.nan,
    math.inf,
    -math.inf,
]
ALPHABET = ["a", "B", "7", " ", '"', "\\", "/", "\n", "\t", "\x00", "\x1f", "\x7f", "é", "ß", "東", "\u2028", "😀", "<"]


def random_text(rng):
    return "".join(rng.choice(ALPHABET) for _ in range(rng.choice([0, 1, 3, 15, 16, 17, 40])))


def random_integer(rng, low, high):
    value = rng.choice(INTERESTING_INTEGERS) if rng.random() < 0.5 else rng.randint(low, high) >> rng.randrange(64)
    return min(max(value, low), high)


def random_double(rng):
    kind = rng.random()
    if kind < 0.3:
        return rng.choice(INTERESTING_FLOATS)
    if kind < 0.7:
        return rng.randint(-(10**9), 10**9) / 10 ** rng.randrange(9)
    return struct.unpack("<d", rng.getrandbits(64).to_bytes(8, "little"))[0]


def to_float(value):
    try:
        return struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.inf


def random_scalar(rng, field):
    cpp = field.cpp_type
    if cpp == FieldDescriptor.CPPTYPE_INT32:
        return random_integer(rng, -(2**31), 2**31 - 1)
    if cpp == FieldDescriptor.CPPTYPE_UINT32:
        return random_integer(rng, 0, 2**32 - 1)
    if cpp == FieldDescriptor.CPPTYPE_INT64:
        return random_integer(rng, -(2**63), 2**63 - 1)
    if cpp == FieldDescriptor.CPPTYPE_UINT64:
        return random_integer(rng, 0, 2**64 - 1)
    if cpp == FieldDescriptor.CPPTYPE_DOUBLE:
        return random_double(rng)
    if cpp == FieldDescriptor.CPPTYPE_FLOAT:
        return to_float(random_double(rng))
    if cpp == FieldDescriptor.CPPTYPE_BOOL:
        return rng.random() < 0.5
    if cpp == FieldDescriptor.CPPTYPE_ENUM:
        numbers = [value.number for value in field.enum_type.values]
        closed = field.enum_type.is_closed
        null = field.enum_type.full_name == "google.protobuf.NullValue"
        return rng.choice(numbers) if closed or null or rng.random() < 0.8 else rng.randint(-(2**31), 2**31 - 1)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return rng.randbytes(rng.choice([0, 1, 2, 3, 10, 50]))
    return random_text(rng)


def fill_value(rng, value, depth):
    kind = rng.randrange(6 if depth > 0 else 4)
    if kind == 0:
        value.null_value = 0
    elif kind == 1:
        number = random_double(rng)
        value.number_value = number if math.isfinite(number) else 0
    elif kind == 2:
        value.string_value = random_text(rng)
    elif kind == 3:
        value.bool_value = rng.random() < 0.5
    elif kind == 4:
        value.struct_value.SetInParent()
        for _ in range(rng.randrange(3)):
            fill_value(rng, value.struct_value.fields[random_text(rng)], depth - 1)
    else:
        value.list_value.SetInParent()
        for _ in range(rng.randrange(3)):
            fill_value(rng, value.list_value.values.add(), depth - 1)


def fill_any(rng, message, depth, context):
    if depth <= 0 or rng.random() < 0.1:
        return
    inner = context.new(rng.choice(context.any_types))
    fill(rng, inner, depth - 1, context)
    message.Pack(inner)


def fill_well_known(rng, message, depth, context):
    """True when the type is one with JSON of its own."""
    name = message.DESCRIPTOR.full_name
    if name == "google.protobuf.Timestamp":
        message.seconds = rng.choice([0, 1, -1, -62135596800, 253402300799, rng.randint(-62135596800, 253402300799)])
        message.nanos = rng.choice([0, 1, 1000, 500000000, 999999999])
    elif name == "google.protobuf.Duration":
        message.seconds = rng.choice([0, 1, -1, 315576000000, -315576000000, rng.randint(-(10**9), 10**9)])
        if abs(message.seconds) != 315576000000:
            message.nanos = rng.choice([0, 1, 1000, 500000000, 999999999]) * (-1 if message.seconds < 0 else 1)
    elif name == "google.protobuf.FieldMask":
        message.paths.extend(rng.choice(["a", "foo_bar", "a.b_c", "x1.y"]) for _ in range(rng.randrange(4)))
    elif name == "google.protobuf.Struct":
        for _ in range(rng.randrange(4)):
            fill_value(rng, message.fields[random_text(rng)], depth)
    elif name == "google.protobuf.Value":
        fill_value(rng, message, depth)
    elif name == "google.protobuf.ListValue":
        for _ in range(rng.randrange(4)):
            fill_value(rng, message.values.add(), depth)
    elif name == "google.protobuf.Any":
        fill_any(rng, message, depth, context)
    else:
        return False
    return True


def fill(rng, message, depth, context):
    message.SetInParent()
    context.room -= 1
    if fill_well_known(rng, message, depth, context):
        return
    density = rng.choice([0.1, 0.4, 0.9])
    for field in message.DESCRIPTOR.fields:
        if not field.is_required and rng.random() > density:
            continue
        is_message = field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE
        if field.is_repeated and field.enum_type is not None and field.enum_type.full_name == "google.protobuf.NullValue":
            continue  # Python does not read what it writes
        if not field.is_repeated:
            if not is_message:
                setattr(message, field.name, random_scalar(rng, field))
            elif depth > 0 and context.room > 0:
                fill(rng, getattr(message, field.name), depth - 1, context)
            continue
        if is_message and depth <= 0:
            continue
        values = getattr(message, field.name)
        for _ in range(rng.choice([0, 1, 2, 5, 20 if depth > 2 else 1])):
            context.room -= 1
            if context.room < 0:
                break
            if is_message and field.message_type.GetOptions().map_entry:
                key = random_scalar(rng, field.message_type.fields_by_name["key"])
                entry = field.message_type.fields_by_name["value"]
                if key in values:
                    continue
                if entry.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
                    fill(rng, values[key], depth - 1, context)
                else:
                    values[key] = random_scalar(rng, entry)
            elif is_message:
                fill(rng, values.add(), depth - 1, context)
            else:
                values.append(random_scalar(rng, field))


# Random schemas.

SCALARS = [number for number in range(1, 19) if number not in (TYPE.TYPE_GROUP, TYPE.TYPE_MESSAGE, TYPE.TYPE_ENUM)]
KEYS = [number for number in SCALARS if number not in (TYPE.TYPE_DOUBLE, TYPE.TYPE_FLOAT, TYPE.TYPE_BYTES)]
IMPORTED = [
    "Timestamp",
    "Duration",
    "FieldMask",
    "Struct",
    "Value",
    "ListValue",
    "Any",
    "Int64Value",
    "StringValue",
    "BytesValue",
    "BoolValue",
    "DoubleValue",
    "Empty",
]
IMPORTS = ["any", "duration", "empty", "field_mask", "struct", "timestamp", "wrappers"]


def set_type(rng, field, message_count, allow_message=True):
    kind = rng.random()
    if kind < 0.6 or not allow_message:
        field.type = rng.choice(SCALARS)
    elif kind < 0.7:
        field.type, field.type_name = TYPE.TYPE_ENUM, ".random.Choice"
    elif kind < 0.85:
        field.type, field.type_name = TYPE.TYPE_MESSAGE, f".random.M{rng.randrange(message_count)}"
    else:
        field.type, field.type_name = TYPE.TYPE_MESSAGE, f".google.protobuf.{rng.choice(IMPORTED)}"


def add_map(rng, message, field, message_count):
    entry = message.nested_type.add(name="".join(part[:1].upper() + part[1:] for part in field.name.split("_")) + "Entry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=rng.choice(KEYS), label=TYPE.LABEL_OPTIONAL)
    value = entry.field.add(name="value", number=2, label=TYPE.LABEL_OPTIONAL)
    set_type(rng, value, message_count)
    field.type, field.type_name, field.label = TYPE.TYPE_MESSAGE, f".random.{message.name}.{entry.name}", TYPE.LABEL_REPEATED


def random_file(rng):
    """Of either syntax. Proto2 has required fields, defaults, groups and closed enums."""
    proto2 = rng.random() < 0.4
    file = descriptor_pb2.FileDescriptorProto(name="random.proto", package="random")
    if not proto2:
        file.syntax = "proto3"
    file.dependency.extend(f"google/protobuf/{name}.proto" for name in IMPORTS)
    choice = file.enum_type.add(name="Choice")
    for i, number in enumerate([0] + rng.sample(range(-50, 5000), rng.randrange(1, 6))):
        if number != 0 or i == 0:
            choice.value.add(name=f"CHOICE_{i}", number=number)
    message_count = rng.randrange(1, 5)
    for index in range(message_count):
        add_message(rng, file.message_type.add(name=f"M{index}"), message_count, proto2)
    return file


def add_message(rng, message, message_count, proto2):
    numbers = rng.sample(range(1, 400), rng.choice([1, 5, 20, 80]))
    oneof = message.oneof_decl.add(name="choice").name and 0 if len(numbers) > 4 else None
    optional_fields = []
    for position, number in enumerate(numbers):
        name = f"f{rng.choice(['', '_x', 'Y', '_a_b'])}{position}_z"
        field = message.field.add(name=name, number=number, label=TYPE.LABEL_OPTIONAL)
        form = rng.random()
        if oneof is not None and position < 3:
            set_type(rng, field, message_count)
            field.oneof_index = oneof
        elif form < 0.3:
            add_map(rng, message, field, message_count)
        elif proto2 and form < 0.4:
            add_group(rng, message, field)
        else:
            set_type(rng, field, message_count)
            if form < 0.5:
                field.label = TYPE.LABEL_REPEATED
                if proto2 and is_packable(field):
                    field.options.packed = rng.random() < 0.5
            elif form < 0.65 and not proto2:
                field.proto3_optional = True
                optional_fields.append(field)
            elif proto2:
                add_default(rng, field)
        if rng.random() < 0.1:
            field.json_name = f"json {position}\u00e9"
        else:
            field.json_name = camel(field.name)
    for field in optional_fields:
        field.oneof_index = len(message.oneof_decl)
        message.oneof_decl.add(name=f"_{field.name}")


def is_packable(field):
    return field.type not in (TYPE.TYPE_STRING, TYPE.TYPE_BYTES, TYPE.TYPE_MESSAGE, TYPE.TYPE_GROUP)


def add_group(rng, message, field):
    """A group's type is named like the field, with a capital."""
    group = message.nested_type.add(name=field.name.title().replace("_", ""))
    field.name = group.name.lower()
    field.type, field.type_name = TYPE.TYPE_GROUP, f".random.{message.name}.{group.name}"
    if rng.random() < 0.5:
        field.label = TYPE.LABEL_REPEATED
    for number in range(1, rng.randrange(2, 5)):
        inner = group.field.add(name=f"g{number}", number=number, label=TYPE.LABEL_OPTIONAL, json_name=f"g{number}")
        inner.type = rng.choice(SCALARS)


def add_default(rng, field):
    if field.type in (TYPE.TYPE_INT32, TYPE.TYPE_SINT64, TYPE.TYPE_FIXED32, TYPE.TYPE_DOUBLE):
        field.default_value = str(rng.randrange(100))
    elif field.type == TYPE.TYPE_STRING:
        field.default_value = random_text(rng).replace("\0", "")
    elif field.type == TYPE.TYPE_BOOL:
        field.default_value = "true"
    if rng.random() < 0.2 and is_packable(field):
        field.label = TYPE.LABEL_REQUIRED
        field.ClearField("default_value")


def camel(name):
    out, upper = "", False
    for c in name:
        if c == "_":
            upper = True
        else:
            out += c.upper() if upper else c
            upper = False
    return out


class Context:
    """The types of one descriptor set."""

    def __init__(self, files):
        self.pool = descriptor_pool.DescriptorPool()
        for file in files.file:
            self.pool.Add(file)
        self.room = 0  # for more values in the message that is being filled: wide types in each other explode
        self.types = []
        for file in files.file:
            if file.package != "google.protobuf":
                self.types += [f"{file.package}.{message.name}" for message in file.message_type]
        self.any_types = self.types + [
            "google.protobuf." + name for name in ("Duration", "Struct", "Value", "Int64Value") if self.has(name)
        ]

    def has(self, name):
        try:
            return self.pool.FindMessageTypeByName("google.protobuf." + name) is not None
        except KeyError:
            return False

    def random(self, rng, type_name, depth):
        message = self.new(type_name)
        self.room = 300
        fill(rng, message, depth, self)
        return message

    def new(self, type_name):
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(type_name))()


# Comparison.


def difference(a, b, path=""):
    """Where two JSON values first differ, as a line; None where they do not."""
    if isinstance(a, dict) and isinstance(b, dict):
        if a.keys() != b.keys():
            return f"{path}: members {sorted(a.keys() ^ b.keys())}"
        found = (difference(a[key], b[key], f"{path}.{key}") for key in a)
        return next((line for line in found if line), None)
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        found = (difference(x, y, f"{path}[{i}]") for i, (x, y) in enumerate(zip(a, b, strict=True)))
        return next((line for line in found if line), None)
    return None if same(a, b) else f"{path}: {a!r} and {b!r}"


def same(a, b):
    """Scalars."""
    if a is None and b == 0:
        return True  # NullValue with enums as numbers: null for us and in C++, 0 in Python
    if isinstance(a, bool) != isinstance(b, bool):
        return False
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        # A float's shortest text is not unique: 43943270 and 43943272 are one value.
        near = abs(a - b) <= abs(a) * 1e-6 or abs(a) < 1e-37
        return a == b or (a != 0 and near and to_float(a) == to_float(b) and not (is_wide(a) or is_wide(b)))
    return a == b


def is_wide(number):
    """More digits than a float's shortest text has: a difference in it is a difference of doubles."""
    return len(repr(number).strip("-").replace(".", "").split("e")[0].strip("0")) > 14


def no_twice(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError(f"a name twice in {names}")
    return dict(pairs)


def fail(seed, what, *details):
    print(f"DIFFERENCE, seed {seed}: {what}", *(detail[:2000] for detail in details), sep="\n  ")
    return 1


def reencode(rng, value):
    """The same JSON in other words: spaces, escapes, integers as exponents."""

    def walk(node):
        if isinstance(node, dict):
            return "{" + ",".join(space() + text(key) + space() + ":" + space() + walk(item) + space() for key, item in node.items()) + "}"
        if isinstance(node, list):
            return "[" + ",".join(space() + walk(item) + space() for item in node) + "]"
        if isinstance(node, str):
            return text(node)
        if isinstance(node, int) and not isinstance(node, bool) and rng.random() < 0.2:
            return rng.choice([f"{node}.0", f"{node}e0", f"{node}0E-1" if node else "0E+7"])
        return json.dumps(node)

    def space():
        return rng.choice(["", "", "", " ", "\n", "\t\r "])

    def text(string):
        return json.dumps(string, ensure_ascii=rng.random() < 0.5)

    return walk(value)


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

    for text in (ours.decode(), expected_text, reencode(rng, json.loads(expected_text))):
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
