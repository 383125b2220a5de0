#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "gateway/transcode/test_schema.h"
#include "google/rpc/error_details.pb.h"
#include "lib/core/status.h"

namespace stratus::gateway::transcode {
namespace {

using ::testing::HasSubstr;

FieldPath Path(std::string_view type, std::string_view dotted) {
  return *ResolvePath(GetTestSchema().Table("transcode.test." + std::string(type)), dotted);
}

std::string Query(std::string_view type, std::string_view query, const std::vector<std::string>& consumed = {},
                  const InputOptions& options = {}) {
  ParameterWriter writer(GetTestSchema().Table("transcode.test." + std::string(type)));
  std::vector<FieldPath> paths;
  for (const std::string& path : consumed) paths.push_back(Path(type, path));
  if (const absl::Status status = writer.AddQuery(query, paths, options); !status.ok()) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return "ERROR: " + std::string(status.message());
  }
  Buffer out;
  EXPECT_TRUE(writer.Flush(&out).ok());
  return TextFromWire(type, out.view());
}

TEST(Parameters, TakeEveryScalar) {
  EXPECT_EQ(
      Query("Scalars",
            "fDouble=-1.5e3&fFloat=NaN&fInt32=-7&f_int64=9223372036854775807&fUint32=4294967295&fUint64=1e3"
            "&fSint32=-1&fSint64=-2&fFixed32=1&fFixed64=2&fSfixed32=-3&fSfixed64=-4&fBool=true&fString=a+b%26%C3%A9"
            "&fBytes=-_8&fEnum=COLOR_RED"),
      R"(f_double: -1500 f_float: nan f_int32: -7 f_int64: 9223372036854775807 f_uint32: 4294967295 f_uint64: 1000 )"
      R"(f_sint32: -1 f_sint64: -2 f_fixed32: 1 f_fixed64: 2 f_sfixed32: -3 f_sfixed64: -4 f_bool: true )"
      R"(f_string: "a b&\303\251" f_bytes: "\373\377" f_enum: COLOR_RED)");
  EXPECT_EQ(Query("Scalars", "fEnum=2&fBytes=%2B/8="), R"(f_bytes: "\373\377" f_enum: COLOR_GREEN)");
  EXPECT_EQ(Query("Scalars", "fBytes=+/8%3D"), R"(f_bytes: "\373\377")") << "a plus that was not encoded";
  EXPECT_EQ(Query("Optionals", "fString=&fInt32=0"), R"(f_int32: 0 f_string: "")");
  EXPECT_EQ(Query("Optionals", "fString"), R"(f_string: "")");
  EXPECT_EQ(Query("Scalars", "&&fInt32=1&"), "f_int32: 1");
  EXPECT_EQ(Query("Scalars", ""), "");
  EXPECT_EQ(Query("Scalars", "fBytes=&fString="), "");
}

TEST(Parameters, TakeNestedAndRepeatedFields) {
  EXPECT_EQ(Query("Everything", "child.child.scalars.fInt32=1&scalars.fBool=true&child.child.scalars.f_string=x"),
            R"(scalars { f_bool: true } child { child { scalars { f_int32: 1 f_string: "x" } } })");
  EXPECT_EQ(Query("Repeated", "fInt32=1&fString=a&fInt32=2&fEnum=COLOR_RED&fEnum=7&unpacked=3"),
            R"(f_int32: 1 f_int32: 2 f_string: "a" f_enum: COLOR_RED f_enum: 7 unpacked: 3)");
}

TEST(Parameters, TakeWellKnownTypes) {
  EXPECT_EQ(Query("WellKnown", "mask=*"), R"(mask { paths: "*" })");
  EXPECT_EQ(
      Query("WellKnown",
            "time=2023-11-14T22:13:20Z&duration=1.5s&mask=aB.c,d_e&int64Value=5&stringValue=&boolValue=true"
            "&doubleValue=0.5&bytesValue=YQ&times=1970-01-01T00:00:01Z&times=1970-01-01T00:00:02%2B00:00"
            "&int64Values=1&int64Values=2&nullValue=null"),
      R"(time { seconds: 1700000000 } duration { seconds: 1 nanos: 500000000 } mask { paths: "a_b.c" paths: "d_e" } )"
      R"(double_value { value: 0.5 } int64_value { value: 5 } bool_value { value: true } string_value { } )"
      R"(bytes_value { value: "a" } times { seconds: 1 } times { seconds: 2 } int64_values { value: 1 } int64_values { value: 2 })");
}

// http.proto: each field of a message is a parameter. Well-known types have their own JSON, but are messages.
TEST(Parameters, TakeFieldsOfWellKnownTypes) {
  EXPECT_EQ(Query("WellKnown", "time.seconds=5&time.nanos=1&int64Value.value=2&mask.paths=a_b&mask.paths=c"),
            R"(time { seconds: 5 nanos: 1 } mask { paths: "a_b" paths: "c" } int64_value { value: 2 })");
  EXPECT_THAT(Query("WellKnown", "duration=1s&duration.seconds=5"), HasSubstr("duration.seconds: given twice"));
  EXPECT_THAT(Query("WellKnown", "duration.seconds=5&duration=1s"), HasSubstr("duration: given twice"));
}

TEST(Parameters, TakeMapEntries) {
  EXPECT_EQ(Query("Maps",
                  "strings[k]=v&strings%5Ba.b%5D=w&int32s[-1]=2&bools[true]=false&colors[c]=COLOR_RED"
                  "&times[t]=1970-01-01T00:00:01Z&strings[x]y]=z"),
            R"(int32s { key: -1 value: 2 } bools { key: true value: false } strings { key: "a.b" value: "w" } )"
            R"(strings { key: "k" value: "v" } strings { key: "x]y" value: "z" } colors { key: "c" value: COLOR_RED } )"
            R"(times { key: "t" value { seconds: 1 } })");
  EXPECT_EQ(Query("Everything", "maps.strings[a]=b"), R"(maps { strings { key: "a" value: "b" } })");
  EXPECT_THAT(Query("Maps", "strings[a]=1&strings[a]=2"), HasSubstr("strings[a]: given twice"));
  EXPECT_THAT(Query("Maps", "strings=1"), HasSubstr("name[key]=value"));
  EXPECT_THAT(Query("Maps", "int32s[x]=1"), HasSubstr("int32s[x]: not a number"));
  EXPECT_THAT(Query("Maps", "messages[x]=1"), HasSubstr("messages[x]: a message"));
  EXPECT_THAT(Query("Scalars", "fInt32[x]=1"), HasSubstr("fInt32[x]: not a map"));
}

TEST(Parameters, AreRefusedByName) {
  EXPECT_THAT(Query("Scalars", "fInt32=1&nope=2"), HasSubstr("nope: no such parameter"));
  EXPECT_THAT(Query("Everything", "scalars.nope=2"), HasSubstr("scalars.nope: no such parameter"));
  EXPECT_THAT(Query("Scalars", "fInt32.x=2"), HasSubstr("fInt32.x: no such parameter"));
  EXPECT_THAT(Query("Scalars", "=2"), HasSubstr("no such parameter"));
  EXPECT_THAT(Query("Scalars", "fInt32=x"), HasSubstr("fInt32: not a number"));
  EXPECT_THAT(Query("Scalars", "fInt32="), HasSubstr("fInt32: not a number"));
  EXPECT_THAT(Query("Scalars", "fInt32=2147483648"), HasSubstr("fInt32: out of the range"));
  EXPECT_THAT(Query("Scalars", "fBool=1"), HasSubstr("fBool: neither true nor false"));
  EXPECT_THAT(Query("Scalars", "fEnum=BLUE"), HasSubstr("fEnum: not a value of the enum"));
  EXPECT_THAT(Query("Scalars", "fString=%ff"), HasSubstr("fString: not UTF-8"));
  EXPECT_THAT(Query("Scalars", "fString=%f"), HasSubstr("fString: a % is not followed"));
  EXPECT_THAT(Query("Scalars", "fBytes=***"), HasSubstr("fBytes: not base64"));
  EXPECT_THAT(Query("Everything", "scalars=x"), HasSubstr("scalars: a message cannot be one parameter"));
  EXPECT_THAT(Query("Everything", "children=x"), HasSubstr("children: a repeated message"));
  EXPECT_THAT(Query("Everything", "children.scalars.fInt32=1"),
              HasSubstr("children.scalars.fInt32: a repeated message"));
  EXPECT_THAT(Query("WellKnown", "struct=x"), HasSubstr("struct: a message"));
  EXPECT_THAT(Query("WellKnown", "time.hours=5"), HasSubstr("time.hours: no such parameter"));
  EXPECT_THAT(Query("WellKnown", "time=yesterday"), HasSubstr("time: not an RFC 3339 time"));
}

TEST(Parameters, SingularFieldsAndOneofsAreTakenOnce) {
  EXPECT_THAT(Query("Scalars", "fInt32=1&fInt32=1"), HasSubstr("fInt32: given twice"));
  EXPECT_THAT(Query("Scalars", "fInt32=1&f_int32=2"), HasSubstr("f_int32: given twice"));
  EXPECT_THAT(Query("Everything", "scalars.fInt32=1&child.scalars.fInt32=2&scalars.fInt32=3"),
              HasSubstr("scalars.fInt32: given twice"));
  EXPECT_THAT(Query("OneOfs", "text=a&number=1"), HasSubstr("number: another member of the same oneof"));
  EXPECT_THAT(Query("OneOfs", "scalars.fInt32=1&duration=1s"), HasSubstr("another member of the same oneof"));
  EXPECT_EQ(Query("OneOfs", "scalars.fInt32=1&scalars.fBool=true&yes=true"),
            "scalars { f_int32: 1 f_bool: true } yes: true");
}

TEST(Parameters, BoundElsewhereAreRefused) {
  EXPECT_THAT(Query("Everything", "scalars.fInt32=1", {"scalars.f_int32"}),
              HasSubstr("scalars.fInt32: given by the path or the body"));
  EXPECT_THAT(Query("Everything", "scalars.fInt32=1", {"scalars"}), HasSubstr("given by the path or the body"));
  EXPECT_EQ(Query("Everything", "scalars.fInt32=1", {"scalars.f_bool", "child"}), "scalars { f_int32: 1 }");
}

TEST(Parameters, UnknownOnesAreIgnoredOnlyWhenAsked) {
  const InputOptions ignore{.ignore_unknown_fields = true};
  EXPECT_EQ(Query("Scalars", "fInt32=1&nope=2&nope.x=3&fInt32.y=4&nope[x]=5", {}, ignore), "f_int32: 1");
  EXPECT_THAT(Query("Scalars", "fInt32=x", {}, ignore), HasSubstr("not a number"));
}

TEST(Parameters, PathValuesOverruleTheBodyAndCountAsGiven) {
  const MessageTable& table = GetTestSchema().Table("transcode.test.Everything");
  ParameterWriter writer(table);
  Buffer out;
  ASSERT_TRUE(JsonToWire(table, R"({"scalars":{"fInt32":5,"fString":"body"}})", {}, &out).ok());
  ASSERT_TRUE(writer.AddPathValue(Path("Everything", "scalars.f_int32"), "0").ok());
  ASSERT_TRUE(writer.AddPathValue(Path("Everything", "scalars.f_string"), "a/b c").ok());
  const absl::Status twice = writer.AddQuery("scalars.fInt32=1", {}, {});
  EXPECT_THAT(std::string(twice.message()), HasSubstr("given twice"));
  ASSERT_TRUE(writer.Flush(&out).ok());
  EXPECT_EQ(TextFromWire("Everything", out.view()), R"(scalars { f_string: "a/b c" })");
  // Flushed, it starts anew.
  out.Clear();
  ASSERT_TRUE(writer.AddQuery("scalars.fInt32=1", {}, {}).ok());
  ASSERT_TRUE(writer.Flush(&out).ok());
  EXPECT_EQ(TextFromWire("Everything", out.view()), "scalars { f_int32: 1 }");
  const absl::Status bad = writer.AddPathValue(Path("Everything", "scalars.f_int32"), "x");
  google::rpc::BadRequest details;
  ASSERT_TRUE(core::GetDetail(bad, &details));
  EXPECT_EQ(details.field_violations(0).field(), "scalars.f_int32");
}

TEST(ResolvePath, TakesBothNamesAndSingularMessagesOnly) {
  const MessageTable& table = GetTestSchema().Table("transcode.test.Everything");
  EXPECT_EQ(ResolvePath(table, "wellKnown.time")->fields.size(), 2u);
  EXPECT_EQ(ResolvePath(table, "well_known.time")->fields.size(), 2u);
  EXPECT_EQ(ResolvePath(table, "children")->fields.size(), 1u);
  for (const char* bad : {"", "nope", "scalars.", ".scalars", "scalars.nope", "children.scalars", "scalars.f_int32.x",
                          "maps.strings.key"}) {
    EXPECT_FALSE(ResolvePath(table, bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace stratus::gateway::transcode
