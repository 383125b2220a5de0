"""A random .proto file: scalars, maps, oneofs, well-known types; of proto2 also required fields, defaults and groups."""

from google.protobuf import descriptor_pb2
from random_messages import random_text

TYPE = descriptor_pb2.FieldDescriptorProto
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
