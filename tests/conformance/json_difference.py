"""Whether two JSON values say the same, as protobuf sees them: floats by their value, an enum's null as its number."""

from random_messages import to_float


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
