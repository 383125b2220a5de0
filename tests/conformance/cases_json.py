"""Cases of ProtoJSON, in and out."""

from case import OURS, PROTOJSON, RFC3629, RFC8259, Case, Expect, Group, echo, get, gets, refused


def deep(levels):
    return '{"inner":' * levels + "{}" + "}" * levels


READ = Group(
    "JSON read",
    (
        Case(
            "both names",
            echo('{"displayName":"a","maybe_text":"b"}'),
            "json_name or proto name",
            PROTOJSON,
            gets('display_name: "a" maybe_text { value: "b" }'),
        ),
        Case("an unknown field", echo('{"nosuch":1}'), "refused by default", PROTOJSON, refused()),
        Case("a name twice", echo('{"name":"a","name":"b"}'), "refused", OURS, refused()),
        Case("a field by both names", echo('{"displayName":"a","display_name":"b"}'), "refused: it is there twice", OURS, refused()),
        Case("two of a oneof", echo('{"left":"a","right":1}'), "refused", PROTOJSON, refused()),
        Case("int64 as text", echo('{"i64":"-9223372036854775808"}'), "exact", PROTOJSON, gets("i64: -9223372036854775808")),
        Case("int64 as a number", echo('{"i64":9007199254740993}'), "exact, beyond 2^53 too", PROTOJSON, gets("i64: 9007199254740993")),
        Case("an exponent", echo('{"i32":1e2,"i64":"1.5e1"}'), "an integer if its value is one", PROTOJSON, gets("i32: 100 i64: 15")),
        Case("a fraction of zero", echo('{"i32":7.0}'), "an integer", PROTOJSON, gets("i32: 7")),
        Case("a fraction", echo('{"i32":7.5}'), "refused", PROTOJSON, refused()),
        Case("an int out of range", echo('{"i32":2147483648}'), "refused", PROTOJSON, refused()),
        Case("a negative uint64", echo('{"u64":"-1"}'), "refused", PROTOJSON, refused()),
        Case("spaces in a number", echo('{"i32":" 1"}'), "refused", PROTOJSON, refused()),
        Case("numbers as text", echo('{"i32":"7","d":"1e3"}'), "for every kind", PROTOJSON, gets("i32: 7 d: 1000.0")),
        Case("no number as text", echo('{"i32":""}'), "refused", PROTOJSON, refused()),
        Case("a leading zero", echo('{"i32":01}'), "no JSON: refused", RFC8259, refused()),
        Case("NaN and Infinity", echo('{"d":"NaN","f":"-Infinity"}'), "as text", PROTOJSON, gets("f: -inf d: nan")),
        Case("bare NaN", echo('{"d":NaN}'), "no JSON: refused", RFC8259, refused()),
        Case("a double out of range", echo('{"d":1e999}'), "refused", PROTOJSON, refused()),
        Case("a float out of range", echo('{"f":1e39}'), "refused", PROTOJSON, refused()),
        Case("a bool as text", echo('{"b":"true"}'), "refused", PROTOJSON, refused()),
        Case("a number for a string", echo('{"name":1}'), "refused", PROTOJSON, refused()),
        Case("an enum by name and number", echo('{"color":"GREEN"}'), "", PROTOJSON, gets("color: GREEN")),
        Case("an enum by an unknown number", echo('{"color":7}'), "kept: proto3's are open", PROTOJSON, gets("color: 7")),
        Case("an enum by an unknown name", echo('{"color":"BLUE"}'), "refused", PROTOJSON, refused()),
        Case("bytes, base64", echo('{"data":"+/8="}'), "", PROTOJSON, gets('data: "\\373\\377"')),
        Case("bytes, base64url", echo('{"data":"-_8"}'), "the other alphabet, no padding", PROTOJSON, gets('data: "\\373\\377"')),
        Case("null for a scalar", echo('{"name":null,"i32":1}'), "as not there", PROTOJSON, gets("i32: 1")),
        Case("null for a message", echo('{"inner":null}'), "as not there", PROTOJSON, gets("")),
        Case("null for a Value", echo('{"value":null}'), "is a value", PROTOJSON, gets("value { null_value: NULL_VALUE }")),
        Case("null in a list", echo('{"tags":["a",null]}'), "refused", PROTOJSON, refused()),
        Case("null in a map", echo('{"labels":{"a":null}}'), "refused", PROTOJSON, refused()),
        Case(
            "maps",
            echo('{"labels":{"a":"1"},"byNumber":{"-3":{"text":"x"}}}'),
            "keys as text",
            PROTOJSON,
            gets('labels { key: "a" value: "1" } by_number { key: -3 value { text: "x" } }'),
        ),
        Case("a key twice in a map", echo('{"labels":{"a":"1","a":"2"}}'), "refused", OURS, refused()),
        Case(
            "Timestamp",
            echo('{"time":"2026-01-02T04:04:05.5+01:00"}'),
            "RFC 3339, any offset",
            PROTOJSON,
            gets("time { seconds: 1767323045 nanos: 500000000 }"),
        ),
        Case("a time without offset", echo('{"time":"2026-01-02T03:04:05"}'), "refused", PROTOJSON, refused()),
        Case("a time before year 1", echo('{"time":"0000-01-01T00:00:00Z"}'), "refused", PROTOJSON, refused()),
        Case("Duration", echo('{"wait":"-1.5s"}'), "", PROTOJSON, gets("wait { seconds: -1 nanos: -500000000 }")),
        Case("Duration out of range", echo('{"wait":"315576000001s"}'), "refused", PROTOJSON, refused()),
        Case("Duration without `s`", echo('{"wait":"1.5"}'), "refused", PROTOJSON, refused()),
        Case(
            "FieldMask",
            echo('{"mask":"inner.text,displayName"}'),
            "lowerCamel",
            PROTOJSON,
            gets('mask { paths: "inner.text" paths: "display_name" }'),
        ),
        Case("a mask that is no lowerCamel", echo('{"mask":"display_name"}'), "refused", PROTOJSON, refused()),
        Case("a value for a list", echo('{"tags":"a"}'), "refused", PROTOJSON, refused()),
        Case("wrappers", echo('{"maybe":0,"maybeText":""}'), "as their value", PROTOJSON, gets("maybe { } maybe_text { }")),
        Case(
            "Struct and ListValue",
            echo('{"object":{"a":[1]},"list":[true]}'),
            "any JSON",
            PROTOJSON,
            gets(
                'object { fields { key: "a" value { list_value { values { number_value: 1.0 } } } } } list { values { bool_value: true } }'
            ),
        ),
        Case(
            "Any",
            echo('{"any":{"@type":"type.googleapis.com/stratus.conformance.v1.Inner","text":"x"}}'),
            "by its `@type`",
            PROTOJSON,
            gets('any { [type.googleapis.com/stratus.conformance.v1.Inner] { text: "x" } }'),
        ),
        Case(
            "Any with `@type` last",
            echo('{"any":{"text":"x","@type":"type.googleapis.com/stratus.conformance.v1.Inner"}}'),
            "members have no order",
            RFC8259,
            gets('any { [type.googleapis.com/stratus.conformance.v1.Inner] { text: "x" } }'),
        ),
        Case(
            "Any of a well-known type",
            echo('{"any":{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"}}'),
            "its JSON is `value`",
            PROTOJSON,
            gets("any { [type.googleapis.com/google.protobuf.Duration] { seconds: 1 } }"),
        ),
        Case("Any of an unknown type", echo('{"any":{"@type":"type.googleapis.com/no.Such"}}'), "refused", PROTOJSON, refused()),
        Case("a control character", echo('{"name":"a\tb"}'), "must be escaped: refused", RFC8259, refused()),
        Case("a surrogate pair", echo('{"name":"\\ud83d\\ude00"}'), "one character", RFC8259, gets('name: "😀"')),
        Case("a lone surrogate", echo('{"name":"\\ud800"}'), "refused", PROTOJSON, refused()),
        Case("bytes that are no UTF-8", echo(b'{"name":"\xff"}'), "refused", RFC3629, refused()),
        Case("30 levels", echo(deep(30)), "taken", OURS, Expect(has="inner")),
        Case("10,000 levels", echo(deep(10_000)), "refused", OURS, refused()),
        Case("half a document", echo('{"name":"a"'), "refused", RFC8259, refused()),
        Case("something behind it", echo('{"name":"a"} {}'), "refused", RFC8259, refused()),
        Case("single quotes", echo("{'name':'a'}"), "no JSON: refused", RFC8259, refused()),
        Case("a name without quotes", echo('{name:"a"}'), "no JSON: refused", RFC8259, refused()),
        Case("a comma too many", echo('{"name":"a",}'), "refused", RFC8259, refused()),
        Case("a list for a message", echo("[]"), "refused", PROTOJSON, refused()),
    ),
)


def give(what, **fields):
    return get(f"/v1/give/{what}"), Expect(fields=fields)


def written(name, what, rule, source=PROTOJSON, **fields):
    request, expect = give(what, **fields)
    return Case(name, request, rule, source, expect)


WRITTEN = Group(
    "JSON written",
    (
        written("integers", "integers", "64 bits as text", i32=-1, i64="-9223372036854775808", u32=4294967295, u64="18446744073709551615"),
        written("NaN and Infinity", "nan", "as text", d="NaN", f="Infinity"),
        written("doubles and floats", "doubles", "the shortest that is the same", d=0.1, f=0.1),
        written("bytes", "bytes", "standard base64 with padding", data="+//+"),
        written("an enum", "enum", "its name", color="RED"),
        written("an enum's unknown number", "open-enum", "the number", color=7),
        written("names", "names", "lowerCamel", displayName="x"),
        written("Timestamp and Duration", "time", "0, 3, 6 or 9 digits", time="2026-01-02T03:04:05.600Z", wait="-1.500s"),
        written("FieldMask", "mask", "lowerCamel", mask="name,inner.text,displayName"),
        Case(
            "wrappers",
            get("/v1/give/wrappers"),
            "as their value, though empty",
            PROTOJSON,
            Expect(fields={"maybe": 0, "maybeText": ""}, has=r'"maybe":\s*0.*"maybeText":\s*""'),
        ),
        written("maps", "maps", "keys as text", labels={"a": "1"}),
        written("Struct", "struct", "as it is", object={"a": [1, None, {"b": True}]}),
        Case(
            "Any",
            get("/v1/give/any"),
            "`@type` and the fields",
            PROTOJSON,
            Expect(has=r'"@type":\s*"type.googleapis.com/stratus.conformance.v1.Inner",\s*"text":\s*"x"'),
        ),
        Case(
            "Any of a well-known type",
            get("/v1/give/any-time"),
            "its JSON is `value`",
            PROTOJSON,
            Expect(has=r'"value":\s*"1970-01-01T00:00:01Z"'),
        ),
        written("escapes", "quotes", "what JSON asks for", RFC8259, displayName='é"\\\n\u0001😀'),
    ),
)
