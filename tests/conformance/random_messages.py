"""Random messages of any type: values that are likely to break a JSON writer, and the types that messages come from."""

import math
import struct

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor

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
