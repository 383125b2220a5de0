#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gateway/transcode/test_schema.h"
#include "google/rpc/error_details.pb.h"
#include "lib/core/status.h"

namespace stratus::gateway::transcode {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Text(std::string_view type, std::string_view json) { return TextFromJson(type, json); }

TEST(JsonToWire, ReadsEveryScalar) {
  EXPECT_EQ(Text("Scalars",
                 R"( { "fDouble" : 1.5 , "fFloat":-0.25,"fInt32":-7,"fInt64":"-9007199254740993","fUint32":4294967295,)"
                 R"("fUint64":"18446744073709551615","fSint32":-2147483648,"fSint64":"-9223372036854775808",)"
                 R"("fFixed32":4000000000,"fFixed64":1,"fSfixed32":-1,"fSfixed64":"-2","fBool":true,"fString":"a",)"
                 R"("fBytes":"AP8=","fEnum":"COLOR_GREEN"} )"),
            R"(f_double: 1.5 f_float: -0.25 f_int32: -7 f_int64: -9007199254740993 f_uint32: 4294967295 )"
            R"(f_uint64: 18446744073709551615 f_sint32: -2147483648 f_sint64: -9223372036854775808 )"
            R"(f_fixed32: 4000000000 f_fixed64: 1 f_sfixed32: -1 f_sfixed64: -2 f_bool: true f_string: "a" )"
            R"(f_bytes: "\000\377" f_enum: COLOR_GREEN)");
}

TEST(JsonToWire, WritesWhatProtobufWrites) {
  EXPECT_EQ(WireFromJson("Everything", R"({"scalars":{"fInt32":5},"repeated":{"fDouble":[1,2],"fString":["a",""],)"
                                       R"("unpacked":[1,2]},"maps":{"strings":{"k":""}},"aliased":1})"),
            WireFromText("Everything",
                         "scalars {f_int32: 5} repeated {f_double: [1, 2] f_string: ['a', ''] unpacked: [1, 2]}"
                         "maps {strings {key: 'k' value: ''}} aliased: 1"));
  EXPECT_EQ(WireFromJson("Scalars", R"({"fDouble":0,"fInt32":0,"fString":"","fBool":false,"fBytes":"","fEnum":0})"), "")
      << "zeros without presence are not written";
  EXPECT_EQ(Text("Scalars", R"({"fDouble":-0.0})"), "f_double: -0");
  EXPECT_EQ(Text("Optionals", R"({"fDouble":0,"fString":"","fBool":false})"),
            R"(f_double: 0 f_bool: false f_string: "")");
}

TEST(JsonToWire, ReadsBothNamesInAnyOrder) {
  EXPECT_EQ(Text("Names", R"({"highest":8,"x1_2":6,"UPPER":5,"quoted":4,"custom-name":2,"snake_case_name":1})"),
            "snake_case_name: 1 renamed: 2 quoted: 4 UPPER: 5 x1_2: 6 highest: 8");
  EXPECT_EQ(Text("Names", R"({"snakeCaseName":1,"renamed":2,"aNameThatIsLongerThanAnyBlockOfThirtyTwoBytes":3,)"
                          R"("say \"hi\"\\":4,"x12":6,"\u0068igh":7})"),
            "snake_case_name: 1 renamed: 2 a_name_that_is_longer_than_any_block_of_thirty_two_bytes: 3 quoted: 4 x1_2: "
            "6 high: 7");
}

TEST(JsonToWire, ReadsIntegersExactly) {
  EXPECT_EQ(Text("Scalars", R"({"fInt32":1e3,"fInt64":"1.0","fUint32":100e-2,"fUint64":1.8446744073709551615e19})"),
            "f_int32: 1000 f_int64: 1 f_uint32: 1 f_uint64: 18446744073709551615");
  EXPECT_EQ(Text("Scalars", R"({"fInt32":-2147483648,"fInt64":-9223372036854775808,"fUint32":-0})"),
            "f_int32: -2147483648 f_int64: -9223372036854775808");
  EXPECT_EQ(Text("Scalars", R"({"fInt64":9223372036854775807,"fSint64":9223372036854775806})"),
            "f_int64: 9223372036854775807 f_sint64: 9223372036854775806");
  for (const char* bad :
       {R"("fInt32":2147483648)", R"("fInt32":-2147483649)", R"("fUint32":4294967296)", R"("fUint32":-1)",
        R"("fInt64":9223372036854775808)", R"("fInt64":"-9223372036854775809")", R"("fUint64":18446744073709551616)",
        R"("fUint64":"-1")", R"("fInt32":1e10)", R"("fInt64":1e400)", R"("fInt32":1e99999999999)", R"("fFixed32":1e20)",
        R"("fEnum":2147483648)"}) {
    EXPECT_THAT(Text("Scalars", absl::StrCat("{", bad, "}")), HasSubstr("out of the range")) << bad;
  }
  for (const char* bad : {R"("fInt32":1.5)", R"("fInt32":1e-1)", R"("fInt64":"0.1")", R"("fInt64":1e-99999999999)"}) {
    EXPECT_THAT(Text("Scalars", absl::StrCat("{", bad, "}")), HasSubstr("not a whole number")) << bad;
  }
  for (const char* bad :
       {R"("fInt32":"")", R"("fInt32":" 1")", R"("fInt32":"1 ")", R"("fInt32":"01")", R"("fInt32":"+1")",
        R"("fInt32":"0x1")", R"("fInt64":"1_000")", R"("fInt64":"NaN")", R"("fInt64":"1e")"}) {
    EXPECT_THAT(Text("Scalars", absl::StrCat("{", bad, "}")), HasSubstr("not a number")) << bad;
  }
  for (const char* bad : {R"("fInt32":true)", R"("fInt32":[])", R"("fInt32":{})"}) {
    EXPECT_THAT(Text("Scalars", absl::StrCat("{", bad, "}")), HasSubstr("a number is expected")) << bad;
  }
}

TEST(JsonToWire, ReadsFloatingPoint) {
  EXPECT_EQ(
      Text("Repeated", R"({"fDouble":[0.1,-1.7976931348623157e308,5e-324,"1.5","NaN","Infinity","-Infinity",1e-400,)"
                       R"(123456789012345678901234567890,0.30000000000000004]})"),
      "f_double: 0.1 f_double: -1.7976931348623157e+308 f_double: 4.94065645841247e-324 f_double: 1.5 f_double: nan "
      "f_double: inf "
      "f_double: -inf f_double: 0 f_double: 1.2345678901234568e+29 f_double: 0.30000000000000004");
  EXPECT_EQ(Text("Repeated", R"({"fFloat":[0.1,3.4028235e38,1e-45,"Infinity","NaN","2.5e1"]})"),
            "f_float: 0.1 f_float: 3.40282347e+38 f_float: 1.40129846e-45 f_float: inf f_float: nan f_float: 25");
  EXPECT_THAT(Text("Scalars", R"({"fDouble":1.8e308})"), HasSubstr("fDouble: out of a double's range"));
  EXPECT_THAT(Text("Scalars", R"({"fFloat":3.5e38})"), HasSubstr("fFloat: out of a float's range"));
  EXPECT_THAT(Text("Scalars", R"({"fDouble":"inf"})"), HasSubstr("not a number"));
  EXPECT_THAT(Text("Scalars", R"({"fDouble":"1.5 "})"), HasSubstr("not a number"));
  for (const char* bad : {"01", "1.", ".5", "+1", "1e", "1e+", "--1", "-", "0x10", "NaN", "Infinity", "1.5.5", "1f"}) {
    EXPECT_THAT(Text("Scalars", absl::StrCat(R"({"fDouble":)", bad, "}")), HasSubstr("ERROR: ")) << bad;
    EXPECT_THAT(Text("Scalars", absl::StrCat(R"({"fInt32":)", bad, "}")), HasSubstr("ERROR: ")) << bad;
  }
}

TEST(JsonToWire, ReadsEnums) {
  EXPECT_EQ(
      Text("Repeated", R"({"fEnum":["COLOR_RED",2,"COLOR_FAR",-1,7,1.0,"1"]})"),
      "f_enum: COLOR_RED f_enum: COLOR_GREEN f_enum: COLOR_FAR f_enum: COLOR_NEGATIVE f_enum: 7 f_enum: COLOR_RED "
      "f_enum: COLOR_RED");
  EXPECT_EQ(Text("Everything", R"({"aliased":"ALIASED_SECOND"})"), "aliased: ALIASED_FIRST");
  EXPECT_THAT(Text("Scalars", R"({"fEnum":"COLOR_BLUE"})"),
              HasSubstr(R"(fEnum: "COLOR_BLUE" is not a value of transcode.test.Color)"));
  EXPECT_THAT(Text("Scalars", R"({"fEnum":"color_red"})"), HasSubstr("is not a value"));
  EXPECT_THAT(Text("Scalars", R"({"fEnum":true})"), HasSubstr("a number is expected"));
  EXPECT_THAT(Text("transcode.legacy.Legacy", R"({"closed":7})"), HasSubstr("not a value of transcode.legacy.Closed"));
  EXPECT_EQ(Text("transcode.legacy.Legacy", R"({"closed":2})"), "closed: CLOSED_TWO");
}

TEST(JsonToWire, IgnoresUnknownNamesOnlyWhenAskedTo) {
  const InputOptions ignore{.ignore_unknown_fields = true};
  const std::string json = R"({"nope":{"a":[1,{"b":null}],"c":"\u0041","d":-1.5e3,"e":true,"f":false},"fInt32":1})";
  EXPECT_EQ(Text("Scalars", json), "ERROR: nope: no such field in transcode.test.Scalars");
  EXPECT_EQ(TextFromJson("Scalars", json, ignore), "f_int32: 1");
  EXPECT_THAT(TextFromJson("Scalars", R"({"nope":01})", ignore), HasSubstr("malformed JSON"));
  EXPECT_THAT(TextFromJson("Scalars", R"({"nope":[1,]})", ignore), HasSubstr("malformed JSON"));
  EXPECT_THAT(TextFromJson("Scalars", "{\"nope\":\"\xff\"}", ignore), HasSubstr("not UTF-8"));
  EXPECT_EQ(TextFromJson("Scalars", R"({"fEnum":"COLOR_BLUE","fInt32":1})", ignore), "f_int32: 1");
  EXPECT_EQ(TextFromJson("Optionals", R"({"fEnum":"COLOR_BLUE"})", ignore), "");
  EXPECT_EQ(TextFromJson("Repeated", R"({"fEnum":["COLOR_BLUE","COLOR_RED"]})", ignore), "f_enum: COLOR_RED");
  EXPECT_EQ(TextFromJson("Maps", R"({"colors":{"a":"COLOR_BLUE","b":"COLOR_RED"}})", ignore),
            R"(colors { key: "b" value: COLOR_RED })");
}

TEST(JsonToWire, TakesNullAsAbsent) {
  EXPECT_EQ(Text("Scalars", R"({"fDouble":null,"fInt32":null,"fString":null,"fEnum":null,"fBytes":null,"fBool":true})"),
            "f_bool: true");
  EXPECT_EQ(Text("Everything", R"({"scalars":null,"repeated":{"fString":null},"maps":{"strings":null}})"),
            "repeated { } maps { }");
  EXPECT_EQ(Text("OneOfs", R"({"text":null,"number":5})"), "number: 5");
  EXPECT_EQ(Text("OneOfs", R"({"nothing":null})"), "nothing: NULL_VALUE");
  EXPECT_EQ(Text("OneOfs", R"({"value":null})"), "value { null_value: NULL_VALUE }");
  EXPECT_EQ(Text("WellKnown",
                 R"({"time":null,"int32Value":null,"struct":null,"value":null,"nullValue":null,"values":[null,1]})"),
            "value { null_value: NULL_VALUE } values { null_value: NULL_VALUE } values { number_value: 1 }");
  EXPECT_THAT(Text("Repeated", R"({"fInt32":[1,null]})"), HasSubstr("fInt32[1]: "));
  EXPECT_THAT(Text("Repeated", R"({"fString":[null]})"), HasSubstr("fString[0]: null is no element"));
  EXPECT_THAT(Text("WellKnown", R"({"int64Values":[null]})"), HasSubstr("int64Values[0]"));
  EXPECT_THAT(Text("Maps", R"({"strings":{"a":null}})"), HasSubstr(R"(strings["a"]: null is no value of a map)"));
  EXPECT_THAT(Text("Maps", R"({"int32s":{"1":null}})"), HasSubstr("int32s[\"1\"]"));
  EXPECT_THAT(Text("Scalars", R"({"fInt32":nul})"), HasSubstr("malformed JSON"));
}

TEST(JsonToWire, RefusesANameGivenTwice) {
  EXPECT_THAT(Text("Scalars", R"({"fInt32":1,"fInt32":2})"), HasSubstr("fInt32: given twice"));
  EXPECT_THAT(Text("Scalars", R"({"fInt32":1,"f_int32":1})"), HasSubstr("fInt32: given twice"));
  EXPECT_THAT(Text("Scalars", R"({"fInt32":null,"fInt32":1})"), HasSubstr("given twice"));
  EXPECT_THAT(Text("Wide", R"({"f65":1,"f65":2})"), HasSubstr("f65: given twice"));
  EXPECT_THAT(Text("Maps", R"({"strings":{"a":"1","a":"2"}})"), HasSubstr(R"(strings["a"]: given twice)"));
  EXPECT_THAT(Text("Maps", R"({"int32s":{"1":1,"1e0":2}})"), HasSubstr("given twice"));
  EXPECT_THAT(Text("WellKnown", R"({"struct":{"a":1,"a":2}})"), HasSubstr("given twice"));
  std::string many = R"({"strings":{)";
  for (int i = 0; i < 100; ++i) absl::StrAppend(&many, "\"k", i, "\":\"\",");
  EXPECT_THAT(Text("Maps", many + R"("k77":""}})"), HasSubstr(R"(strings["k77"]: given twice)"));
  EXPECT_THAT(Text("Maps", many + R"("k5":""}})"), HasSubstr(R"(strings["k5"]: given twice)"));
  EXPECT_THAT(Text("Maps", many + R"("k100":""}})"), StartsWith("strings {"));
}

TEST(JsonToWire, RefusesASecondMemberOfAOneof) {
  EXPECT_EQ(Text("OneOfs", R"({"text":"a","yes":true,"outside":"x"})"), R"(text: "a" yes: true outside: "x")");
  EXPECT_THAT(Text("OneOfs", R"({"text":"a","number":1})"),
              HasSubstr("number: another member of the oneof choice is given too"));
  EXPECT_THAT(Text("OneOfs", R"({"nothing":null,"number":1})"), HasSubstr("oneof choice"));
  EXPECT_THAT(Text("Wide", R"({"f68":0,"f69":""})"), HasSubstr("oneof choice"));
}

TEST(JsonToWire, DecodesStrings) {
  EXPECT_EQ(
      Text("Repeated", R"({"fString":["\"\\\/\b\f\n\r\t","\u0041\u00e9\u20ac\ud83d\ude00","H\u00e0 Nội","\u0000"]})"),
      R"(f_string: "\"\\/\010\014\n\r\t" f_string: "A\303\251\342\202\254\360\237\230\200" )"
      R"(f_string: "H\303\240 N\341\273\231i" f_string: "\000")");
  const std::string longer(300, 'x');
  EXPECT_EQ(Text("Scalars", absl::StrCat(R"({"fString":")", longer, R"(\n"})")),
            absl::StrCat("f_string: \"", longer, "\\n\""));
  EXPECT_EQ(Text("Scalars", absl::StrCat(R"({"fString":")", longer, R"("})")),
            absl::StrCat("f_string: \"", longer, "\""));
  // Escapes shrink 21 * 6 bytes to 21: the length's size was guessed too large.
  std::string escapes;
  for (int i = 0; i < 22; ++i) escapes += "\\u0041";
  EXPECT_EQ(Text("Scalars", absl::StrCat(R"({"fString":")", escapes, R"("})")),
            "f_string: \"" + std::string(22, 'A') + "\"");
}

TEST(JsonToWire, RefusesBadStrings) {
  const auto text = [](std::string_view content) {
    return TextFromJson("Scalars",
                        absl::StrCat("{\"fString\":\"", absl::string_view(content.data(), content.size()), "\"}"));
  };
  for (const char* bad :
       {R"(\ud800)", R"(\udc00)", R"(\ud800\ud800)", R"(\ud800x)", R"(\udc00\ud800)", R"(\ud83d\u)"}) {
    EXPECT_THAT(text(bad), HasSubstr("surrogate")) << bad;
  }
  for (const char* bad : {R"(\x)", R"(\u12g4)", R"(\u123)", R"(\U0041)", R"(\')"}) {
    EXPECT_THAT(text(bad), HasSubstr("malformed JSON at line 1")) << bad;
  }
  for (const char* bad : {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3", "\xe2\x82",
                          "abc\x80"
                          "defghijklmnopqrstuvwxyz"}) {
    EXPECT_THAT(text(bad), HasSubstr("not UTF-8"));
  }
  for (const char* bad : {"\n", "\t", "\x01", "0123456789012345678901234567\x1f"}) {
    EXPECT_THAT(text(bad), HasSubstr("control character"));
  }
}

TEST(JsonToWire, DecodesBase64InBothAlphabets) {
  EXPECT_EQ(
      Text("Repeated", R"({"fBytes":["","+/8=","-_8","-_8=","YQ","YQ==","YWI","YWJj"]})"),
      R"(f_bytes: "" f_bytes: "\373\377" f_bytes: "\373\377" f_bytes: "\373\377" f_bytes: "a" f_bytes: "a" f_bytes: "ab" )"
      R"(f_bytes: "abc")");
  for (const char* bad : {"A", "AAAAA", "A===", "AA=A", "=", "====", "A A=", "AA*=", "YQ=", "YQ==\\n"}) {
    EXPECT_THAT(Text("Scalars", absl::StrCat(R"({"fBytes":")", bad, "\"}")), HasSubstr("fBytes: not base64")) << bad;
  }
  EXPECT_THAT(Text("Scalars", R"({"fBytes":1})"), HasSubstr("a base64 string is expected"));
}

TEST(JsonToWire, ReadsMaps) {
  EXPECT_EQ(
      Text("Maps",
           R"({"int32s":{"-1":2},"int64s":{"3":"4"},"uint64s":{"18446744073709551615":"0"},"bools":{"true":false},)"
           R"("strings":{"k\"":"v"},"bytes":{"":"Yg=="},"colors":{"c":"COLOR_FAR"},)"
           R"("messages":{"m":{"fBool":true}},"values":{"n":null},"maps":{"x":{"bools":{"false":true}}}})"),
      R"(int32s { key: -1 value: 2 } int64s { key: 3 value: 4 } uint64s { key: 18446744073709551615 value: 0 } )"
      R"(bools { key: true value: false } strings { key: "k\"" value: "v" } bytes { key: "" value: "b" } )"
      R"(colors { key: "c" value: COLOR_FAR } messages { key: "m" value { f_bool: true } } )"
      R"(maps { key: "x" value { bools { key: false value: true } } } values { key: "n" value { null_value: NULL_VALUE } })");
  EXPECT_THAT(Text("Maps", R"({"int32s":{"x":1}})"), HasSubstr(R"(int32s["x"]: the key of a map is not a number)"));
  EXPECT_THAT(Text("Maps", R"({"bools":{"1":true}})"), HasSubstr("neither true nor false"));
  EXPECT_THAT(Text("Maps", R"({"uint32s":{"-1":1}})"), HasSubstr("out of the range"));
  EXPECT_THAT(Text("Maps", R"({"strings":[]})"), HasSubstr("strings: an object is expected"));
  EXPECT_THAT(Text("Maps", R"({"messages":{"m":{"fInt32":"x"}}})"), HasSubstr(R"(messages["m"].fInt32: not a number)"));
}

TEST(JsonToWire, ReadsWellKnownTypes) {
  EXPECT_EQ(
      Text("WellKnown", R"({"time":"2023-11-14T22:13:20.5Z","duration":"-1.000001s","mask":"aB.c,d",)"
                        R"("struct":{"k":[1.5,null,{}]},"value":"s","list":[true,[]],"empty":{},"doubleValue":1,)"
                        R"("floatValue":0,"int64Value":"5","uint64Value":6,"int32Value":0,"uint32Value":7,)"
                        R"("boolValue":true,"stringValue":"x","bytesValue":"eQ"})"),
      R"(time { seconds: 1700000000 nanos: 500000000 } duration { seconds: -1 nanos: -1000 } )"
      R"(mask { paths: "a_b.c" paths: "d" } struct { fields { key: "k" value { list_value { values { number_value: 1.5 } )"
      R"(values { null_value: NULL_VALUE } values { struct_value { } } } } } } value { string_value: "s" } )"
      R"(list { values { bool_value: true } values { list_value { } } } empty { } double_value { value: 1 } )"
      R"(float_value { } int64_value { value: 5 } uint64_value { value: 6 } int32_value { } uint32_value { value: 7 } )"
      R"(bool_value { value: true } string_value { value: "x" } bytes_value { value: "y" })");
  EXPECT_EQ(Text("google.protobuf.Value", "\"bare\""), R"(string_value: "bare")");
  EXPECT_EQ(Text("google.protobuf.Value", " -1.5 "), "number_value: -1.5");
  EXPECT_EQ(Text("google.protobuf.Value", "null"), "null_value: NULL_VALUE");
  EXPECT_EQ(Text("google.protobuf.Timestamp", "\"1970-01-01T00:00:01+00:00\""), "seconds: 1");
  EXPECT_EQ(Text("google.protobuf.Int32Value", "5"), "value: 5");
}

// An "@type" that comes last is looked for through all that stands before it, at each level anew.
TEST(JsonToWire, LooksForTypesInLinearTime) {
  const auto nested = [](int levels, size_t bytes, bool first) {
    const std::string type = R"("@type":"a/transcode.test.WellKnown")";
    std::string text =
        absl::StrCat(R"({"@type":"a/google.protobuf.StringValue","value":")", std::string(bytes, 'x'), "\"}");
    for (int i = 0; i < levels; ++i) {
      text =
          first ? absl::StrCat("{", type, R"(,"any":)", text, "}") : absl::StrCat(R"({"any":)", text, ",", type, "}");
    }
    return absl::StrCat(R"({"any":)", text, "}");
  };
  EXPECT_THAT(Text("WellKnown", nested(90, 1 << 20, /*first=*/false)), HasSubstr("\"@type\" must come first"));
  EXPECT_THAT(Text("WellKnown", nested(90, 1 << 20, /*first=*/true)), HasSubstr("any {"));
  EXPECT_THAT(Text("WellKnown", nested(4, 1 << 20, /*first=*/false)), HasSubstr("any {"));
  EXPECT_THAT(Text("WellKnown", nested(90, 1000, /*first=*/false)), HasSubstr("any {"));
}

// AIP-134's mask of everything, AIP-161's wildcards and keys of maps.
TEST(JsonToWire, TakesWildcardsAndKeysInMasks) {
  EXPECT_EQ(Text("WellKnown", R"({"mask":"*"})"), R"(mask { paths: "*" })");
  EXPECT_EQ(Text("WellKnown", R"({"mask":"fooBar.*.name,labels.`a-b/c`"})"),
            R"(mask { paths: "foo_bar.*.name" paths: "labels.`a-b/c`" })");
}

TEST(JsonToWire, RefusesBadWellKnownValues) {
  for (const char* bad :
       {"2023-11-14", "2023-11-14T22:13:20", "2023-11-14t22:13:20Z", "2023-11-14T22:13:20z", "2023-11-14T22:13:60Z",
        "2023-02-29T00:00:00Z", "2023-13-01T00:00:00Z", "0000-01-01T00:00:00Z", "2023-11-14T24:00:00Z",
        "2023-11-14T22:13:20.Z", "2023-11-14T22:13:20.1234567890Z", "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01", "2023-11-14T22:13:20+24:00", ""}) {
    EXPECT_THAT(Text("WellKnown", absl::StrCat(R"({"time":")", bad, "\"}")), HasSubstr("time: not an RFC 3339 time"))
        << bad;
  }
  for (const char* bad : {"1", "s", "1.s", ".5s", "1.1234567890s", "+1s", "--1s", "1 s", "315576000001s", "1e3s"}) {
    EXPECT_THAT(Text("WellKnown", absl::StrCat(R"({"duration":")", bad, "\"}")), HasSubstr("duration: not a duration"))
        << bad;
  }
  for (const char* bad : {"foo_bar", "a,,b", ",a", "a,", "a b", "é", "a, b", "a\\\\b", "a\\\"b", "a\\u0001"}) {
    EXPECT_THAT(Text("WellKnown", absl::StrCat(R"({"mask":")", bad, "\"}")), HasSubstr("mask: ")) << bad;
  }
  EXPECT_THAT(Text("WellKnown", R"({"time":5})"), HasSubstr("time: a string is expected"));
  EXPECT_THAT(Text("WellKnown", R"({"struct":[]})"), HasSubstr("struct: an object is expected"));
  EXPECT_THAT(Text("WellKnown", R"({"list":{}})"), HasSubstr("list: an array is expected"));
  EXPECT_THAT(Text("WellKnown", R"({"value":1e999})"), HasSubstr("value: out of a double's range"));
}

TEST(JsonToWire, ReadsAny) {
  EXPECT_EQ(Text("WellKnown", R"({"any":{"@type":"type.googleapis.com/transcode.test.Scalars","fInt32":5}})"),
            R"(any { [type.googleapis.com/transcode.test.Scalars] { f_int32: 5 } })");
  EXPECT_EQ(Text("WellKnown",
                 R"({"any":{"fInt32":5,"fString":"{\"@type\"","@type":"type.googleapis.com/transcode.test.Scalars"}})"),
            R"(any { [type.googleapis.com/transcode.test.Scalars] { f_int32: 5 f_string: "{\"@type\"" } })");
  EXPECT_EQ(Text("WellKnown", R"({"any":{"value":"5s","@type":"x/google.protobuf.Duration"}})"),
            R"(any { type_url: "x/google.protobuf.Duration" value: "\010\005" })");
  EXPECT_EQ(Text("WellKnown", R"({"any":{"@type":"x/y/not.Known","value":"CAE="}})"),
            R"(any { type_url: "x/y/not.Known" value: "\010\001" })");
  EXPECT_EQ(Text("WellKnown", R"({"any":{},"anys":[{}]})"), "any { } anys { }");
  EXPECT_EQ(Text("WellKnown", R"({"any":{"@type":"a/google.protobuf.Empty"}})"),
            R"(any { type_url: "a/google.protobuf.Empty" })");
  EXPECT_EQ(
      WireFromJson(
          "WellKnown",
          R"({"any":{"@type":"a/google.protobuf.Any","value":{"@type":"a/google.protobuf.Value","value":null}}})"),
      WireFromText(
          "WellKnown",
          R"(any {type_url: "a/google.protobuf.Any" value: "\n\027a/google.protobuf.Value\022\002\010\000"})"));
  EXPECT_THAT(Text("WellKnown", R"({"any":{"fInt32":5}})"), HasSubstr("any: \"@type\" is missing"));
  EXPECT_THAT(Text("WellKnown", R"({"any":{"@type":"transcode.test.Scalars"}})"), HasSubstr("not a type URL"));
  EXPECT_THAT(Text("WellKnown", R"({"any":{"@type":5}})"), HasSubstr("a type URL is expected"));
  EXPECT_THAT(Text("WellKnown", R"({"any":{"@type":"a/transcode.test.Scalars","@type":"a/b"}})"),
              HasSubstr("given twice"));
  EXPECT_THAT(Text("WellKnown", R"({"any":{"@type":"a/transcode.test.Scalars","nope":1}})"),
              HasSubstr("any.nope: no such field"));
  EXPECT_THAT(Text("WellKnown", R"({"any":{"@type":"a/google.protobuf.Duration"}})"),
              HasSubstr("\"value\" is missing"));
  EXPECT_THAT(Text("WellKnown", R"({"any":{"@type":"a/google.protobuf.Duration","value":"1s","x":1}})"),
              HasSubstr("any.x: "));
  EXPECT_THAT(Text("WellKnown", R"({"any":{"@type":"a/google.protobuf.Duration","value":"1"}})"),
              HasSubstr("any.value: "));
  EXPECT_THAT(Text("WellKnown", R"({"any":{"@type":"a/not.Known","x":1}})"), HasSubstr("not known"));
}

TEST(JsonToWire, ReadsProto2) {
  EXPECT_EQ(
      Text(
          "transcode.legacy.Legacy",
          R"({"name":"n","number":0,"inner":{"value":1,"deeper":{"words":["a"]}},"row":[{"cell":"x"},{}],"packed":[1],)"
          R"("unpacked":[2],"[transcode.legacy.note]":"ext","closedByName":{"a":"CLOSED_ONE"}})"),
      R"(number: 0 name: "n" closed_by_name { key: "a" value: CLOSED_ONE } Inner { value: 1 Deeper { words: "a" } } )"
      R"(Row { cell: "x" } Row { } packed: 1 unpacked: 2 [transcode.legacy.note]: "ext")");
}

TEST(JsonToWire, PatchesLengthsOfAnySize) {
  for (const size_t size : {126, 127, 128, 129, 16382, 16383, 16384, 70000}) {
    const std::string text(size, 'x');
    EXPECT_EQ(
        WireFromJson("Everything", absl::StrCat(R"({"child":{"child":{"scalars":{"fString":")", text, R"("}}}})")),
        WireFromText("Everything", absl::StrCat("child {child {scalars {f_string: '", text, "'}}}")))
        << size;
  }
  // Elements whose lengths need one byte, then two, then one.
  EXPECT_EQ(WireFromJson("Repeated", absl::StrCat(R"({"fMessage":[{},{"fString":")", std::string(200, 'x'),
                                                  R"("},{"fInt32":1}]})")),
            WireFromText("Repeated", absl::StrCat("f_message {} f_message {f_string: '", std::string(200, 'x'),
                                                  "'} f_message {f_int32: 1}")));
}

TEST(JsonToWire, RefusesMalformedJson) {
  for (const char* bad : {"",
                          " ",
                          "{",
                          "}",
                          "{]",
                          "]",
                          "{\"fInt32\"",
                          "{\"fInt32\":",
                          "{\"fInt32\":1",
                          "{\"fInt32\":1,",
                          "{\"fInt32\":1,}",
                          "{,}",
                          "{fInt32:1}",
                          "{\"fInt32\" 1}",
                          "{\"fInt32\":1 \"fBool\":true}",
                          "{\"fInt32\":1}}",
                          "{\"fInt32\":1}{}",
                          "{\"fInt32\":1} x",
                          "{\"fInt32\":}",
                          "{\"fString\":\"a}",
                          "{\"fString\":\"a\\\"}",
                          "{'fInt32':1}",
                          "{\"fInt32\":1/*c*/}",
                          "{\"fBool\":tru}",
                          "{\"fBool\":True}",
                          "{\"fBool\":t",
                          "{\"fInt32\":1]",
                          "\xef\xbb\xbf{}",
                          "{\"fString\":\"\\",
                          "{\"fString\":\"",
                          "{\"f",
                          "{\"fBool\":true",
                          "{\"fBool\":tr}",
                          "{\"fString\":\"\\u12\"}"}) {
    EXPECT_THAT(Text("Scalars", bad), HasSubstr("malformed JSON at line 1, column ")) << bad;
  }
  EXPECT_THAT(Text("Scalars", "["), HasSubstr("an object is expected"));
  EXPECT_THAT(Text("Scalars", "[]"), HasSubstr("an object is expected"));
  EXPECT_THAT(Text("Scalars", "\"x\""), HasSubstr("an object is expected"));
  EXPECT_THAT(Text("Scalars", "1"), HasSubstr("an object is expected"));
  EXPECT_THAT(Text("Scalars", std::string("{}\0", 3)), HasSubstr("malformed JSON"));
  EXPECT_EQ(Text("Scalars", "{\n  \"fInt32\": 1,\n  \"fBool\": !\n}"),
            "ERROR: fBool: malformed JSON at line 3, column 12: true or false is expected");
}

TEST(JsonToWire, NamesTheFieldInTheDetails) {
  Buffer out;
  const absl::Status status = JsonToWire(GetTestSchema().Table("transcode.test.Everything"),
                                         R"({"repeated":{"fMessage":[{},{"fInt32":"x"}]}})", {}, &out);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  google::rpc::BadRequest details;
  ASSERT_TRUE(core::GetDetail(status, &details));
  ASSERT_EQ(details.field_violations_size(), 1);
  EXPECT_EQ(details.field_violations(0).field(), "repeated.fMessage[1].fInt32");
  EXPECT_EQ(details.field_violations(0).description(), "not a number");
  EXPECT_TRUE(out.empty());
}

TEST(JsonToWire, LimitsDepth) {
  const auto nested = [](std::string_view open, std::string_view core, std::string_view close, int levels) {
    std::string json;
    for (int i = 0; i < levels; ++i) json += open;
    json += core;
    for (int i = 0; i < levels; ++i) json += close;
    return json;
  };
  EXPECT_THAT(WireFromJson("Reversed", nested("{\"child\":", "{}", "}", 99)), StartsWith("\x12"));
  EXPECT_THAT(WireFromJson("Reversed", nested("{\"child\":", "{}", "}", 100)), HasSubstr("nested too deeply"));
  EXPECT_THAT(WireFromJson("google.protobuf.Value", nested("[", "", "]", 100)), StartsWith("\x32"));
  EXPECT_THAT(WireFromJson("google.protobuf.Value", nested("[", "", "]", 101)), HasSubstr("nested too deeply"));
  EXPECT_THAT(WireFromJson("google.protobuf.Value", nested("{\"a\":", "1", "}", 101)), HasSubstr("nested too deeply"));
  const InputOptions ignore{.ignore_unknown_fields = true};
  EXPECT_THAT(TextFromJson("Reversed", "{\"nope\":" + nested("[", "", "]", 100000) + "}", ignore),
              HasSubstr("nested too deeply"));
  EXPECT_THAT(
      WireFromJson("WellKnown",
                   "{\"any\":" + nested("{\"@type\":\"a/google.protobuf.Any\",\"value\":", "{}", "}", 101) + "}"),
      HasSubstr("nested too deeply"));
}

TEST(JsonToWire, AppendsAndLeavesTheBufferAsItWasOnAnError) {
  Buffer out;
  out.Append("before");
  const MessageTable& table = GetTestSchema().Table("transcode.test.Reversed");
  ASSERT_TRUE(JsonToWire(table, R"({"first":1})", {}, &out).ok());
  EXPECT_EQ(out.view(), "before\x08\x01");
  EXPECT_FALSE(JsonToWire(table, R"({"first":1,"last":2})", {}, &out).ok());
  EXPECT_EQ(out.view(), "before\x08\x01");
}

TEST(JsonToWire, ReadsNothingBehindTheText) {
  // Each prefix of a document, at the very end of its allocation: a read past it is a sanitizer's error.
  const std::string json =
      R"({"scalars":{"fDouble":1.25,"fInt32":12,"fString":"text \u0041","fBool":true,"fEnum":"COLOR_RED"},"maps":{"strings":{"a":"b"}}})";
  for (size_t size = 0; size < json.size(); ++size) {
    const std::unique_ptr<char[]> exact(new char[size]);
    std::memcpy(exact.get(), json.data(), size);
    Buffer out;
    EXPECT_FALSE(JsonToWire(GetTestSchema().Table("transcode.test.Everything"), {exact.get(), size}, {}, &out).ok())
        << size;
  }
}

TEST(JsonToField, ReadsTheBareValue) {
  const auto field = [](std::string_view type, std::string_view name, std::string_view json) {
    const MessageTable& table = GetTestSchema().Table("transcode.test." + std::string(type));
    const auto path = ResolvePath(table, name);
    Buffer out;
    const absl::Status status = JsonToField(table, *path->fields.back(), json, {}, &out);
    return status.ok() ? TextFromWire(type, out.view()) : std::string(status.message());
  };
  EXPECT_EQ(field("Everything", "scalars", R"({"fBool":true})"), "scalars { f_bool: true }");
  EXPECT_EQ(field("Everything", "scalars", "null"), "");
  EXPECT_EQ(field("Repeated", "f_string", R"(["a","b"])"), R"(f_string: "a" f_string: "b")");
  EXPECT_EQ(field("Maps", "strings", R"({"a":"b"})"), R"(strings { key: "a" value: "b" })");
  EXPECT_EQ(field("Scalars", "f_string", R"( "x" )"), R"(f_string: "x")");
  EXPECT_EQ(field("Scalars", "f_int32", "5"), "f_int32: 5");
  EXPECT_EQ(field("WellKnown", "value", "null"), "value { null_value: NULL_VALUE }");
  EXPECT_EQ(field("Scalars", "f_int32", "5x"), "malformed JSON at line 1, column 2: unexpected text behind the value");
  EXPECT_EQ(field("Everything", "scalars", R"({"fInt32":"x"})"), "scalars.fInt32: not a number");
}

}  // namespace
}  // namespace stratus::gateway::transcode
