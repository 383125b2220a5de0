#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/escaping.h"
#include "gateway/transcode/test_schema.h"

namespace stratus::gateway::transcode {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Hex(std::string_view hex) { return absl::HexStringToBytes(absl::string_view(hex.data(), hex.size())); }

std::string Set(std::string_view type, const std::string& text) { return JsonFromText(type, text, OnlySet()); }

TEST(WireToJson, PrintsEveryScalar) {
  EXPECT_EQ(Set("Scalars", R"(
      f_double: 1.5 f_float: -0.25 f_int32: -7 f_int64: -9007199254740993 f_uint32: 4294967295
      f_uint64: 18446744073709551615 f_sint32: -2147483648 f_sint64: -9223372036854775808 f_fixed32: 4000000000
      f_fixed64: 1 f_sfixed32: -1 f_sfixed64: -2 f_bool: true f_string: "a" f_bytes: "\000\377" f_enum: COLOR_GREEN)"),
            R"({"fDouble":1.5,"fFloat":-0.25,"fInt32":-7,"fInt64":"-9007199254740993","fUint32":4294967295,)"
            R"("fUint64":"18446744073709551615","fSint32":-2147483648,"fSint64":"-9223372036854775808",)"
            R"("fFixed32":4000000000,"fFixed64":"1","fSfixed32":-1,"fSfixed64":"-2","fBool":true,"fString":"a",)"
            R"("fBytes":"AP8=","fEnum":"COLOR_GREEN"})");
}

TEST(WireToJson, PrintsDefaultsOfAbsentFieldsWithoutPresence) {
  EXPECT_EQ(JsonFromText("Scalars", ""),
            R"({"fDouble":0,"fFloat":0,"fInt32":0,"fInt64":"0","fUint32":0,"fUint64":"0","fSint32":0,"fSint64":"0",)"
            R"("fFixed32":0,"fFixed64":"0","fSfixed32":0,"fSfixed64":"0","fBool":false,"fString":"","fBytes":"",)"
            R"("fEnum":"COLOR_UNSPECIFIED"})");
  EXPECT_EQ(JsonFromText("Optionals", ""), "{}");
  EXPECT_EQ(JsonFromText("OneOfs", ""), R"({"outside":""})");
  EXPECT_THAT(JsonFromText("Repeated", ""), StartsWith(R"({"fDouble":[],"fFloat":[],)"));
  EXPECT_THAT(JsonFromText("Maps", ""), StartsWith(R"({"int32s":{},"int64s":{},)"));
  EXPECT_EQ(JsonFromText("Reversed", "numbers: 1"), R"({"first":0,"numbers":[1],"last":""})");
}

TEST(WireToJson, PrintsNoDefaultsWhenAskedSo) {
  EXPECT_EQ(Set("Scalars", ""), "{}");
  // A writer may put zeros on the wire; they are no less absent.
  EXPECT_EQ(JsonFromWire("Scalars", Hex("0900000000000000001800680072007a00"), OnlySet()), "{}");
  EXPECT_EQ(JsonFromWire("Scalars", Hex("1880808080808001"), OnlySet()), "{}") << "low 32 bits are zero";
  EXPECT_EQ(JsonFromWire("Repeated", Hex("0a00"), OnlySet()), "{}");
  EXPECT_EQ(Set("Optionals", "f_int32: 0 f_string: ''"), R"({"fInt32":0,"fString":""})");
  EXPECT_EQ(Set("OneOfs", "number: 0"), R"({"number":"0"})");
}

TEST(WireToJson, PrintsRepeatedFieldsPackedOrNot) {
  EXPECT_EQ(Set("Repeated",
                "f_double: [1, 2.5] f_int64: [1, -1] f_bool: [true, false] f_string: ['a', ''] f_enum: [1, 7]"
                "unpacked: [3, 4]"),
            R"({"fDouble":[1,2.5],"fInt64":["1","-1"],"fBool":[true,false],"fString":["a",""],)"
            R"("fEnum":["COLOR_RED",7],"unpacked":[3,4]})");
  EXPECT_EQ(JsonFromWire("Repeated", Hex("18011802"), OnlySet()), R"({"fInt32":[1,2]})")
      << "unpacked where packed is usual";
  EXPECT_EQ(JsonFromWire("Repeated", Hex("9201020304"), OnlySet()), R"({"unpacked":[3,4]})") << "and packed";
  EXPECT_EQ(JsonFromWire("Repeated", Hex("1a02010218031a0104"), OnlySet()), R"({"fInt32":[1,2,3,4]})") << "and mixed";
  EXPECT_EQ(JsonFromWire("Repeated", Hex("1a0118"), OnlySet()), R"({"fInt32":[24]})");
}

TEST(WireToJson, GathersARepeatedFieldThatCameInParts) {
  // numbers 1; first 5; numbers 2
  EXPECT_EQ(JsonFromWire("Reversed",
                         Hex("220101"
                             "0805"
                             "220102"),
                         OnlySet()),
            R"({"first":5,"numbers":[1,2]})");
  EXPECT_EQ(JsonFromWire("Everything",
                         Hex("5200"
                             "0a00"
                             "5200"),
                         OnlySet()),
            R"({"scalars":{},"children":[{},{}]})");
}

TEST(WireToJson, TakesTheLastOfASingularFieldGivenTwice) {
  EXPECT_EQ(JsonFromWire("Reversed", Hex("08010802"), OnlySet()), R"({"first":2})");
  EXPECT_EQ(JsonFromWire("Scalars",
                         Hex("720161"
                             "720162"),
                         OnlySet()),
            R"({"fString":"b"})");
  EXPECT_EQ(JsonFromWire("Scalars",
                         Hex("720161"
                             "7200"),
                         OnlySet()),
            "{}");
}

TEST(WireToJson, MergesASubmessageGivenTwice) {
  // child {first: 1}, child {last: "x"}, child {numbers: 3}
  EXPECT_EQ(JsonFromWire("Reversed",
                         Hex("12020801"
                             "12032a0178"
                             "12032201"
                             "03"),
                         OnlySet()),
            R"({"child":{"first":1,"last":"x","numbers":[3]}})");
}

TEST(WireToJson, TakesTheLastMemberOfAOneof) {
  // text "a", number 5
  EXPECT_EQ(JsonFromWire("OneOfs",
                         Hex("0a0161"
                             "1005"),
                         OnlySet()),
            R"({"number":"5"})");
  // scalars {f_int32: 1}, text, scalars {f_int32: 2}: what came before the text is gone
  EXPECT_EQ(JsonFromWire("OneOfs",
                         Hex("1a021801"
                             "0a0161"
                             "1a022802"),
                         OnlySet()),
            R"({"scalars":{"fUint32":2}})");
  EXPECT_EQ(JsonFromWire("OneOfs",
                         Hex("1a021801"
                             "1a022802"),
                         OnlySet()),
            R"({"scalars":{"fInt32":1,"fUint32":2}})");
}

TEST(WireToJson, TakesFieldsInAnyOrder) {
  EXPECT_EQ(JsonFromWire("Optionals", Hex("72016118013001"), OnlySet()), R"({"fString":"a","fInt32":1,"fUint64":"1"})");
  // With defaults to fill in, an early gap is filled before the field comes: it is not printed twice.
  EXPECT_EQ(JsonFromWire("Reversed", Hex("2a01780801")), R"({"first":1,"numbers":[],"last":"x"})");
}

TEST(WireToJson, PrintsMapsWithTheLastEntryOfAKey) {
  EXPECT_EQ(Set("Maps",
                "int32s {key: -1 value: 2} int64s {key: 3 value: 4} bools {key: true value: false}"
                "strings {key: 'k\"' value: 'v'} bytes {key: '' value: 'b'} colors {key: 'c' value: COLOR_FAR}"
                "messages {key: 'm' value {f_bool: true}} sint64s {key: -5 value: -6}"),
            R"({"int32s":{"-1":2},"int64s":{"3":"4"},"sint64s":{"-5":"-6"},"bools":{"true":false},)"
            R"("strings":{"k\"":"v"},"bytes":{"":"Yg=="},"colors":{"c":"COLOR_FAR"},"messages":{"m":{"fBool":true}}})");
  EXPECT_EQ(JsonFromWire("Maps",
                         Hex("0a0408011002"
                             "0a0408031004"
                             "0a0408011005"),
                         OnlySet()),
            R"({"int32s":{"3":4,"1":5}})");
  EXPECT_EQ(JsonFromWire("Maps",
                         Hex("0a00"
                             "0a021001"),
                         OnlySet()),
            R"({"int32s":{"0":1}})")
      << "an absent key is the default";
  EXPECT_EQ(JsonFromWire("Maps", Hex("8a0100"), OnlySet()), R"({"messages":{"":{}}})") << "and so is an absent value";
  // A map in parts, and an entry whose message value is in parts.
  EXPECT_EQ(JsonFromWire("Maps",
                         Hex("0a0408011002"
                             "12020801"
                             "0a0408031004"),
                         OnlySet()),
            R"({"int32s":{"1":2,"3":4},"int64s":{"1":"0"}})");
  EXPECT_EQ(JsonFromWire("Maps",
                         Hex("8a010b"
                             "0a016d"
                             "12021801"
                             "12022802"),
                         OnlySet()),
            R"({"messages":{"m":{"fInt32":1,"fUint32":2}}})");
}

TEST(WireToJson, KeepsTheLastOfEachKeyInLargeMaps) {
  std::string wire;
  for (int round = 0; round < 2; ++round) {
    for (char key = 1; key <= 100; ++key)
      wire += std::string("\x0a\x04\x08", 3) + key + "\x10" + static_cast<char>(round + 1);
  }
  const std::string json = JsonFromWire("Maps", wire, OnlySet());
  EXPECT_THAT(json, StartsWith(R"({"int32s":{"1":2,"2":2,)"));
  EXPECT_EQ(json.find(":1,"), std::string::npos);
}

TEST(WireToJson, PrintsNamesAsDeclaredOrAsProtoNames) {
  const std::string text =
      "snake_case_name: 1 renamed: 2 a_name_that_is_longer_than_any_block_of_thirty_two_bytes: 3 quoted: 4"
      " UPPER: 5 x1_2: 6 high: 7 highest: 8";
  EXPECT_EQ(Set("Names", text),
            R"({"snakeCaseName":1,"custom-name":2,"aNameThatIsLongerThanAnyBlockOfThirtyTwoBytes":3,"say \"hi\"\\":4,)"
            R"("UPPER":5,"x12":6,"high":7,"highest":8})");
  OutputOptions options = OnlySet();
  options.preserve_proto_field_names = true;
  EXPECT_EQ(
      JsonFromText("Names", text, options),
      R"({"snake_case_name":1,"renamed":2,"a_name_that_is_longer_than_any_block_of_thirty_two_bytes":3,"quoted":4,)"
      R"("UPPER":5,"x1_2":6,"high":7,"highest":8})");
}

TEST(WireToJson, PrintsEnumsByNameOrNumber) {
  EXPECT_EQ(Set("Scalars", "f_enum: COLOR_NEGATIVE"), R"({"fEnum":"COLOR_NEGATIVE"})");
  EXPECT_EQ(JsonFromWire("Scalars", Hex("80017b"), OnlySet()), R"({"fEnum":123})");
  EXPECT_EQ(Set("Everything", "aliased: ALIASED_SECOND"), R"({"aliased":"ALIASED_FIRST"})");
  OutputOptions options;
  options.enums_as_integers = true;
  EXPECT_THAT(JsonFromText("Scalars", "", options), HasSubstr(R"("fEnum":0})"));
  options.always_print_fields_with_no_presence = false;
  EXPECT_EQ(JsonFromText("Scalars", "f_enum: COLOR_FAR", options), R"({"fEnum":100000})");
  EXPECT_EQ(JsonFromText("OneOfs", "nothing: NULL_VALUE", options), R"({"nothing":null})");
}

TEST(WireToJson, EscapesStringsAndKeepsOtherScripts) {
  EXPECT_EQ(Set("Scalars", R"(f_string: "q\" b\\ \n\r\t\b\f\001\037 / <>\177")"),
            "{\"fString\":\"q\\\" b\\\\ \\n\\r\\t\\b\\f\\u0001\\u001f / <>\x7f\"}");
  EXPECT_EQ(Set("Scalars", "f_string: 'Hà Nội 東京 😀'"), "{\"fString\":\"Hà Nội 東京 😀\"}");
  const std::string long_text = std::string(5000, 'x') + "é\"" + std::string(70000, 'y') + "é";
  EXPECT_EQ(Set("Scalars", "f_string: '" + long_text + "'"),
            "{\"fString\":\"" + std::string(5000, 'x') + "é\\\"" + std::string(70000, 'y') + "é\"}");
}

TEST(WireToJson, RefusesWhatIsNotUtf8) {
  for (const char* bad : {"ff", "c0af", "eda080", "f4908080", "c3", "e282", "80"}) {
    const std::string text = Hex(bad);
    const std::string wire = std::string("\x72") + static_cast<char>(text.size()) + text;
    EXPECT_THAT(JsonFromWire("Scalars", wire), HasSubstr("fString: not UTF-8")) << bad;
  }
}

TEST(WireToJson, SkipsUnknownFields) {
  // 1000: varint, fixed64, length, group, fixed32
  EXPECT_EQ(JsonFromWire("Reversed",
                         Hex("c03e01"
                             "c13e0000000000000000"
                             "c23e0161"
                             "c33e0801c43e"
                             "c53e00000000"
                             "0801"),
                         OnlySet()),
            R"({"first":1})");
  // A known number with another wire type is an unknown field too.
  EXPECT_EQ(JsonFromWire("Reversed",
                         Hex("0a0161"
                             "2d00000000"
                             "0801"),
                         OnlySet()),
            R"({"first":1})");
}

TEST(WireToJson, RefusesMalformedWireWithThePath) {
  for (const char* bad : {"08", "0880", "00", "0b", "0c", "0f", "0affffffff0f", "12050801", "0cc03e",
                          "08ffffffffffffffffffff01", "c33e", "c33ec33e", "c33eb43e", "f8ffffffff0f01"}) {
    EXPECT_THAT(JsonFromWire("Reversed", Hex(bad)), HasSubstr("malformed wire format")) << bad;
  }
  EXPECT_EQ(JsonFromWire("Reversed", Hex("1204"
                                         "12022201")),
            "ERROR: reply cannot be written as JSON: child.child.numbers[0]: malformed wire format");
  EXPECT_EQ(JsonFromWire("Everything", Hex("5200"
                                           "5203720161"
                                           "52020a05")),
            "ERROR: reply cannot be written as JSON: children[2]: malformed wire format");
}

TEST(WireToJson, LimitsDepth) {
  const auto nested = [](int levels) {
    std::string wire;
    for (int i = 1; i < levels; ++i) {
      std::string outer = "\x12";
      size_t size = wire.size();
      for (; size >= 0x80; size >>= 7) outer += static_cast<char>(size | 0x80);
      outer += static_cast<char>(size);
      wire = outer + wire;
    }
    return wire;
  };
  EXPECT_THAT(JsonFromWire("Reversed", nested(100), OnlySet()), StartsWith("{\"child\":"));
  EXPECT_THAT(JsonFromWire("Reversed", nested(101), OnlySet()), HasSubstr("nested too deeply"));
}

TEST(WireToJson, EndsWhatBecomesTooLong) {
  // f_message, empty: three bytes each, which its defaults make many.
  std::string wire;
  for (int i = 0; i < 1000; ++i) wire += std::string("\x8a\x01\x00", 3);
  OutputOptions options;
  options.bytes_max = 10'000;
  EXPECT_THAT(JsonFromWire("Repeated", wire, options), HasSubstr("longer than 10000 bytes"));
  options.bytes_max = 10'000'000;
  EXPECT_GT(JsonFromWire("Repeated", wire, options).size(), 100'000u);
}

TEST(WireToJson, StaysLinearOnMessagesThatMustBeWrittenAgain) {
  // At each of 90 levels the child comes first and a field is given twice behind it: redoing every level by itself
  // would take 2^90 steps.
  std::string wire;
  for (int i = 0; i < 90; ++i) {
    std::string length;
    size_t size = wire.size();
    for (; size >= 0x80; size >>= 7) length += static_cast<char>(size | 0x80);
    length += static_cast<char>(size);
    wire = "\x12" + length + wire + Hex("08010802");
  }
  EXPECT_THAT(JsonFromWire("Reversed", wire, OnlySet()), StartsWith(R"({"first":2,"child":{"first":2,)"));
}

TEST(WireToJson, WritesWideMessages) {
  EXPECT_EQ(Set("Wide", "f65: 1 f66: 'a' f66: 'b' f67 {f1: 2} f68: 3"),
            R"({"f65":1,"f66":["a","b"],"f67":{"f1":2},"f68":3})");
  EXPECT_THAT(JsonFromText("Wide", "f69: 'x'"), testing::EndsWith(R"("f65":0,"f66":[],"f69":"x"})"));
}

TEST(WireToJson, PrintsWellKnownTypes) {
  EXPECT_EQ(Set("WellKnown", R"(
      time {seconds: 1700000000 nanos: 500000000} duration {seconds: -1 nanos: -1000} mask {paths: "a_b.c" paths: "d"}
      struct {fields {key: "k" value {list_value {values {number_value: 1.5} values {null_value: NULL_VALUE}}}}}
      value {string_value: "s"} list {values {bool_value: true}} empty {}
      double_value {value: 1} float_value {} int64_value {value: 5} uint64_value {value: 6} int32_value {} uint32_value {value: 7}
      bool_value {value: true} string_value {value: "x"} bytes_value {value: "y"})"),
            R"({"time":"2023-11-14T22:13:20.500Z","duration":"-1.000001s","mask":"aB.c,d","struct":{"k":[1.5,null]},)"
            R"("value":"s","list":[true],"empty":{},"doubleValue":1,"floatValue":0,"int64Value":"5","uint64Value":"6",)"
            R"("int32Value":0,"uint32Value":7,"boolValue":true,"stringValue":"x","bytesValue":"eQ=="})");
  EXPECT_EQ(
      Set("WellKnown", "value {} times {} times {seconds: 1} values {} values {struct_value {}} nulls: [0, 0]"),
      R"({"value":null,"times":["1970-01-01T00:00:00Z","1970-01-01T00:00:01Z"],"values":[null,{}],"nulls":[null,null]})");
}

TEST(WireToJson, RefusesWellKnownValuesThatJsonCannotCarry) {
  EXPECT_THAT(Set("WellKnown", "time {seconds: 253402300800}"), HasSubstr("time: timestamp out of range"));
  EXPECT_THAT(Set("WellKnown", "time {nanos: -1}"), HasSubstr("timestamp out of range"));
  EXPECT_THAT(Set("WellKnown", "duration {seconds: 1 nanos: -1}"), HasSubstr("duration out of range"));
  EXPECT_THAT(Set("WellKnown", "duration {seconds: 315576000001}"), HasSubstr("duration out of range"));
  EXPECT_THAT(Set("WellKnown", "value {number_value: nan}"), HasSubstr("NaN"));
  EXPECT_THAT(Set("WellKnown", "mask {paths: 'fooBar'}"), HasSubstr("mask.paths"));
  EXPECT_THAT(Set("WellKnown", "mask {paths: 'foo__bar'}"), HasSubstr("lowerCamelCase"));
  EXPECT_THAT(Set("WellKnown", "mask {paths: 'foo_3'}"), HasSubstr("lowerCamelCase"));
  EXPECT_THAT(Set("WellKnown", "mask {paths: 'a,b'}"), HasSubstr("lowerCamelCase"));
  EXPECT_THAT(Set("WellKnown", R"(mask {paths: 'a"b'})"), HasSubstr("lowerCamelCase"));
  EXPECT_EQ(Set("WellKnown", "mask {paths: '*' paths: 'foo_bar.*.name' paths: 'labels.`a-b/c`'}"),
            R"({"mask":"*,fooBar.*.name,labels.`a-b/c`"})");
}

TEST(WireToJson, PrintsAny) {
  EXPECT_EQ(Set("WellKnown", "any {[type.googleapis.com/transcode.test.Scalars] {f_int32: 5}}"),
            R"({"any":{"@type":"type.googleapis.com/transcode.test.Scalars","fInt32":5}})");
  EXPECT_EQ(Set("WellKnown", "any {[type.googleapis.com/google.protobuf.Duration] {seconds: 5}}"),
            R"({"any":{"@type":"type.googleapis.com/google.protobuf.Duration","value":"5s"}})");
  EXPECT_EQ(Set("WellKnown", "any {[type.googleapis.com/google.protobuf.Empty] {}}"),
            R"({"any":{"@type":"type.googleapis.com/google.protobuf.Empty"}})");
  EXPECT_EQ(Set("WellKnown", "any {type_url: 'type.googleapis.com/not.Known' value: '\\010\\001'}"),
            R"({"any":{"@type":"type.googleapis.com/not.Known","value":"CAE="}})");
  EXPECT_EQ(Set("WellKnown", "any {}"), R"({"any":{}})");
  EXPECT_EQ(Set("WellKnown",
                "any {[type.googleapis.com/google.protobuf.Any] {[type.googleapis.com/transcode.test.Scalars] {}}}"),
            R"({"any":{"@type":"type.googleapis.com/google.protobuf.Any","value":)"
            R"({"@type":"type.googleapis.com/transcode.test.Scalars"}}})");
  EXPECT_THAT(Set("WellKnown", "any {value: 'x'}"), HasSubstr("any: an Any without a type URL"));
  EXPECT_THAT(Set("WellKnown", "any {type_url: 'x/transcode.test.Scalars' value: '\\030'}"),
              HasSubstr("any: malformed"));
}

TEST(WireToJson, ReadsProto2) {
  const auto legacy = [](const std::string& text) { return JsonFromText("transcode.legacy.Legacy", text); };
  EXPECT_EQ(legacy("name: 'n'"), R"({"name":"n","closeds":[],"closedByName":{},"row":[],"packed":[],"unpacked":[]})");
  EXPECT_EQ(Set("transcode.legacy.Legacy",
                "number: 0 name: '' Inner {value: 1 Deeper {words: 'a' words: 'b'}} Row {cell: 'x'} Row {} packed: 1 "
                "unpacked: 2"
                " [transcode.legacy.note]: 'ext' closed: CLOSED_TWO"),
            R"({"number":0,"name":"","closed":"CLOSED_TWO","inner":{"value":1,"deeper":{"words":["a","b"]}},)"
            R"("row":[{"cell":"x"},{}],"packed":[1],"unpacked":[2],"[transcode.legacy.note]":"ext"})");
  // A closed enum's unknown number is an unknown field.
  EXPECT_EQ(JsonFromWire("transcode.legacy.Legacy",
                         Hex("1807"
                             "2001"
                             "2007"
                             "2a050a0161"
                             "1007"
                             "2a050a0162"
                             "1002"),
                         OnlySet()),
            R"({"closeds":["CLOSED_ONE"],"closedByName":{"b":"CLOSED_TWO"}})");
  EXPECT_EQ(JsonFromWire("transcode.legacy.Legacy",
                         Hex("1801"
                             "1807"),
                         OnlySet()),
            R"({"closed":"CLOSED_ONE"})");
  EXPECT_EQ(JsonFromWire("transcode.legacy.Legacy", Hex("2007"), OnlySet()), "{}");
  EXPECT_EQ(JsonFromWire("transcode.legacy.Legacy", Hex("2a050a01611007"), OnlySet()), "{}");
}

TEST(WireToJson, AppendsAndLeavesTheBufferAsItWasOnAnError) {
  Buffer out;
  out.Append("before");
  const MessageTable& table = GetTestSchema().Table("transcode.test.Reversed");
  ASSERT_TRUE(WireToJson(table, Hex("0801"), OnlySet(), &out).ok());
  EXPECT_EQ(out.view(), R"(before{"first":1})");
  const absl::Status status = WireToJson(table, Hex("0801ff"), OnlySet(), &out);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(out.view(), R"(before{"first":1})");
}

TEST(FieldToJson, WritesTheBareValue) {
  const auto field = [](std::string_view type, std::string_view name, const std::string& text) {
    const MessageTable& table = GetTestSchema().Table("transcode.test." + std::string(type));
    const auto path = ResolvePath(table, name);
    Buffer out;
    const absl::Status status = FieldToJson(table, *path->fields.back(), WireFromText(type, text), OnlySet(), &out);
    return status.ok() ? std::string(out.view()) : std::string(status.message());
  };
  EXPECT_EQ(field("Everything", "scalars", "scalars {f_bool: true} aliased: ALIASED_FIRST"), R"({"fBool":true})");
  EXPECT_EQ(field("Everything", "scalars", "aliased: ALIASED_FIRST"), "null");
  EXPECT_EQ(field("Repeated", "f_string", "f_string: 'a' f_bool: true f_string: 'b'"), R"(["a","b"])");
  EXPECT_EQ(field("Repeated", "f_string", ""), "[]");
  EXPECT_EQ(field("Maps", "strings", ""), "{}");
  EXPECT_EQ(field("Maps", "strings", "strings {key: 'a' value: 'b'}"), R"({"a":"b"})");
  EXPECT_EQ(field("Scalars", "f_string", "f_string: 'x'"), R"("x")");
  EXPECT_EQ(field("Scalars", "f_int64", ""), R"("0")");
  EXPECT_EQ(field("Optionals", "f_int64", ""), "null");
  EXPECT_EQ(field("WellKnown", "struct", "struct {fields {key: 'a' value {bool_value: true}}}"), R"({"a":true})");
}

}  // namespace
}  // namespace stratus::gateway::transcode
