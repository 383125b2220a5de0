#include <gmock/gmock.h>
#include <google/protobuf/field_mask.pb.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gateway/transcode/tables.h"
#include "gateway/transcode/test_schema.h"
#include "gateway/transcode/wire.h"

namespace stratus::gateway::transcode {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The mask of a body for Everything, which has a field of each test message, as paths.
class FieldMaskOfBody : public ::testing::Test {
 protected:
  absl::Status Write(std::string_view json, const InputOptions& options = {}) {
    Buffer wire;
    const FieldTable& body = *GetTestSchema().Table("transcode.test.Everything").ByName("child");
    const FieldTable& mask = *GetTestSchema().Table("transcode.test.WellKnown").ByName("mask");
    absl::Status status = AppendBodyMask(mask, body, json, options, &wire);
    if (!status.ok()) return status;
    google::protobuf::FieldMask parsed;
    if (wire.empty()) {
      paths_.clear();
      return status;
    }
    // `mask` is field 3: its tag and a length of up to four bytes.
    EXPECT_EQ(wire.data()[0], 3 << 3 | 2);
    int head = 2;
    while (wire.data()[head - 1] < 0) ++head;
    EXPECT_TRUE(parsed.ParseFromArray(wire.data() + head, static_cast<int>(wire.size()) - head));
    paths_.assign(parsed.paths().begin(), parsed.paths().end());
    return status;
  }
  std::vector<std::string> Paths(std::string_view json, const InputOptions& options = {}) {
    EXPECT_TRUE(Write(json, options).ok());
    return paths_;
  }

  std::vector<std::string> paths_;
};

TEST_F(FieldMaskOfBody, NamesTheLeavesByTheirProtoNames) {
  EXPECT_THAT(Paths(R"({"scalars":{"fInt32":1,"f_string":""},"names":{"custom-name":2},"aliased":"ALIASED_FIRST"})"),
              ElementsAre("scalars.f_int32", "scalars.f_string", "names.renamed", "aliased"));
  EXPECT_THAT(Paths(" { \"child\" : { \"child\" : { \"reversed\" : { \"first\" : 1 } } } } "),
              ElementsAre("child.child.reversed.first"));
  EXPECT_THAT(Paths(R"({"sc\u0061lars":{"fBool":true}})"), ElementsAre("scalars.f_bool"));
}

TEST_F(FieldMaskOfBody, EndsAtWhatIsReplacedAsAWhole) {
  EXPECT_THAT(
      Paths(R"({"repeated":{"fMessage":[{"fInt32":1}],"fInt32":[]},"maps":{"strings":{"a":"b"},"maps":{}},)"
            R"("wellKnown":{"struct":{"a":{"b":1}},"time":"2026-01-01T00:00:00Z","int64Value":"5","empty":{},)"
            R"("any":{"@type":"x/transcode.test.Names","UPPER":1}},"oneofs":{"nothing":null}})"),
      ElementsAre("repeated.f_message", "repeated.f_int32", "maps.strings", "maps.maps", "well_known.struct",
                  "well_known.time", "well_known.int64_value", "well_known.empty", "well_known.any", "oneofs.nothing"));
}

TEST_F(FieldMaskOfBody, ClearsWhatIsNullOrEmpty) {
  EXPECT_THAT(Paths(R"({"scalars":null,"reversed":{},"names":{"UPPER":null}})"),
              ElementsAre("scalars", "reversed", "names.UPPER"));
  EXPECT_THAT(Paths("{}"), ElementsAre());
  EXPECT_THAT(Paths("null"), ElementsAre());
}

TEST_F(FieldMaskOfBody, LeavesIgnoredFieldsOut) {
  InputOptions options;
  options.ignore_unknown_fields = true;
  EXPECT_THAT(Paths(R"({"nope":{"a":[1]},"aliased":1})", options), ElementsAre("aliased"));
}

TEST_F(FieldMaskOfBody, IsBounded) {
  std::string deep = R"({"scalars":{"fInt32":1,"fInt64":1,"fUint32":1,"fUint64":1}})";
  for (int i = 0; i < 95; ++i) deep = R"({"child":)" + deep + "}";
  EXPECT_EQ(Paths(deep).size(), 4u);
  InputOptions shallow;
  shallow.depth_max = 10;
  EXPECT_THAT(std::string(Write(deep, shallow).message()), HasSubstr("nested too deeply"));
}

}  // namespace
}  // namespace stratus::gateway::transcode
