"""The same message in other bytes: wire format that is legal but not what a serializer writes, JSON in other words."""

import base64
import json

from google.protobuf.descriptor import FieldDescriptor

VARINT, FIXED64, BYTES, GROUP, END_GROUP, FIXED32 = range(6)
TYPE = FieldDescriptor
WIRE_TYPES = {
    TYPE.TYPE_DOUBLE: FIXED64,
    TYPE.TYPE_FIXED64: FIXED64,
    TYPE.TYPE_SFIXED64: FIXED64,
    TYPE.TYPE_FLOAT: FIXED32,
    TYPE.TYPE_FIXED32: FIXED32,
    TYPE.TYPE_SFIXED32: FIXED32,
    TYPE.TYPE_STRING: BYTES,
    TYPE.TYPE_BYTES: BYTES,
    TYPE.TYPE_MESSAGE: BYTES,
    TYPE.TYPE_GROUP: GROUP,
}
INTEGERS = (
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
)
FLOATS = (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE)


# Wire format.


def varint(value, longer=0):
    """`longer`: so many bytes more than needed, which every parser must take."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    for _ in range(min(longer, 10 - len(out))):
        out[-1] |= 0x80
        out.append(0)
    return bytes(out)


def read_varint(wire, at):
    value = shift = 0
    while True:
        byte = wire[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def read_value(wire, at, number, kind):
    """Where the value that begins at `at` ends, and its bytes without length."""
    if kind == VARINT:
        _, end = read_varint(wire, at)
        return wire[at:end], end
    if kind in (FIXED32, FIXED64):
        end = at + (4 if kind == FIXED32 else 8)
        return wire[at:end], end
    if kind == BYTES:
        size, at = read_varint(wire, at)
        return wire[at : at + size], at + size
    begin = at
    while True:
        before = at
        tag, at = read_varint(wire, at)
        if tag == number << 3 | END_GROUP:
            return wire[begin:before], at
        _, at = read_value(wire, at, tag >> 3, tag & 7)


def split(wire):
    """The fields of one message: (number, wire type, value)."""
    fields = []
    at = 0
    while at < len(wire):
        tag, at = read_varint(wire, at)
        value, at = read_value(wire, at, tag >> 3, tag & 7)
        fields.append((tag >> 3, tag & 7, value))
    return fields


def join(rng, fields):
    out = b""
    for number, kind, value in fields:
        # A tag has 32 bits: five bytes are as far as it goes.
        head = varint(number << 3 | kind)
        out += varint(number << 3 | kind, rng.choice([0, 0, 0, 1]) if len(head) < 5 else 0)
        if kind == BYTES:
            out += varint(len(value), rng.choice([0, 0, 0, 1]))
        elif kind == VARINT and rng.random() < 0.1:
            out += varint(read_varint(value, 0)[0], rng.randrange(3))
            continue
        out += value
        if kind == GROUP:
            out += varint(number << 3 | END_GROUP)
    return out


def unknown_field(rng, known):
    number = rng.choice([n for n in (1, 7, 15, 16, 401, 2047, 2048, 536870911) if n not in known])
    kind = rng.choice([VARINT, FIXED64, BYTES, GROUP, FIXED32])
    values = {
        VARINT: varint(rng.getrandbits(64)),
        FIXED64: rng.randbytes(8),
        FIXED32: rng.randbytes(4),
        BYTES: rng.randbytes(rng.randrange(20)),
        GROUP: join(rng, [(3, VARINT, b"\x05"), (4, BYTES, b"abc")]),
    }
    return number, kind, values[kind]


def packed_values(kind, value):
    at = 0
    while at < len(value):
        one, at = read_value(value, at, 0, kind)
        yield one


def is_packable(field):
    return field is not None and field.is_repeated and WIRE_TYPES.get(field.type, VARINT) not in (BYTES, GROUP)


def repack(rng, field, fields):
    """Packed values one by one, and single ones packed: parsers take both."""
    kind = WIRE_TYPES.get(field.type, VARINT)
    out = []
    for number, found, value in fields:
        if found == BYTES and rng.random() < 0.7:
            values = list(packed_values(kind, value))
            cut = rng.randrange(len(values) + 1)
            out += [(number, kind, one) for one in values[:cut]]
            out.append((number, BYTES, b"".join(values[cut:])))
        elif found == kind and rng.random() < 0.5:
            out.append((number, BYTES, value))
        else:
            out.append((number, found, value))
    return out


def scramble(rng, descriptor, wire, depth=4):
    """Another wire format of the same message: fields in any order, unknown ones among them, numbers longer than needed,
    packed and unpacked, and so on inside."""
    groups = {}
    for number, kind, value in split(wire):
        groups.setdefault(number, []).append((number, kind, value))
    for number, fields in groups.items():
        field = descriptor.fields_by_number.get(number)
        if is_packable(field):
            groups[number] = repack(rng, field, fields)
        elif field is not None and field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE and depth > 0:
            inner = field.message_type
            groups[number] = [(n, kind, scramble(rng, inner, value, depth - 1)) for n, kind, value in fields]
    known = set(groups) | {field.number for field in descriptor.fields}
    is_entry = descriptor.GetOptions().map_entry
    if rng.random() < 0.3 and not is_entry:
        extra = unknown_field(rng, known)
        groups.setdefault(("unknown", extra[0]), []).append(extra)
    # Fields of one number keep their order among themselves; those of a oneof, of which one is there, too.
    rest = [number for number, fields in groups.items() for _ in fields]
    rng.shuffle(rest)
    queues = {number: iter(fields) for number, fields in groups.items()}
    return join(rng, [next(queues[number]) for number in rest])


# JSON.


def key_variant(rng, field):
    return rng.choice([field.name, field.json_name])


def reword(rng, descriptor, value):
    """The same JSON with what ProtoJSON lets a writer choose: names, quotes, enums as numbers, null for what is absent."""
    fields = {field.json_name: field for field in descriptor.fields}
    out = {}
    for key, item in value.items():
        field = fields.get(key)
        if field is None:
            return value  # an extension, or not a message of fields
        out[key_variant(rng, field)] = reword_field(rng, field, item)
    for field in descriptor.fields:
        if rng.random() < 0.05 and field.json_name not in value and may_be_null(field):
            out[key_variant(rng, field)] = None
    return out


def may_be_null(field):
    if field.containing_oneof is not None:
        return False  # null sets a oneof's Value or NullValue
    types = [field.message_type, field.enum_type]
    return not any(t is not None and t.full_name in ("google.protobuf.Value", "google.protobuf.NullValue") for t in types)


def reword_field(rng, field, item):
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        entry = field.message_type.fields_by_name["value"]
        return {key: reword_one(rng, entry, one) for key, one in item.items()}
    if field.is_repeated:
        return [reword_one(rng, field, one) for one in item]
    return reword_one(rng, field, item)


def reword_one(rng, field, item):
    if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        if field.message_type.file.package == "google.protobuf" or not isinstance(item, dict):
            return item
        return reword(rng, field.message_type, item)
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        known = field.enum_type.values_by_name.get(item) if isinstance(item, str) else None
        return known.number if known is not None and rng.random() < 0.5 else item
    if field.cpp_type in INTEGERS:
        number = int(item)
        return str(number) if rng.random() < 0.5 else number
    if field.cpp_type in FLOATS and not isinstance(item, str):
        return json.dumps(item) if rng.random() < 0.3 else item
    if field.type == FieldDescriptor.TYPE_BYTES:
        raw = base64.b64decode(item)
        encode = rng.choice([base64.b64encode, base64.urlsafe_b64encode])
        text = encode(raw).decode()
        return text.rstrip("=") if rng.random() < 0.5 else text
    return item


def with_unknown(rng, value):
    """With members that no message has, for a reader that ignores them."""
    junk = rng.choice([None, 1, "x", [1, {"a": [None]}], {"deep": {"er": [{}, 1.5e300]}}, True])
    out = {}
    at = rng.randrange(len(value) + 1)
    for i, (key, item) in enumerate(value.items()):
        if i == at:
            out["no such member"] = junk
        out[key] = item
    out.setdefault("no such member", junk)
    return out


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
