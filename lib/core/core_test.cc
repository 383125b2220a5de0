#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "lib/core/address.h"
#include "lib/core/log.h"
#include "lib/core/random.h"
#include "lib/core/ready_file.h"
#include "lib/core/status.h"

namespace stratus::core {
namespace {

TEST(Address, ReadsTheThreeForms) {
  const auto v4 = ParseAddress("127.0.0.1:8080");
  ASSERT_TRUE(v4.ok()) << v4.status();
  EXPECT_EQ(v4->host, "127.0.0.1");
  EXPECT_EQ(v4->port, 8080);
  const auto v6 = ParseAddress("[::1]:0");
  ASSERT_TRUE(v6.ok()) << v6.status();
  EXPECT_EQ(v6->host, "::1");
  EXPECT_EQ(v6->ToString(), "[::1]:0");
  const auto socket = ParseAddress("unix:/run/a.sock");
  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_EQ(socket->ToString(), "unix:/run/a.sock");
}

TEST(Address, RefusesWhatItCannotReadAndSaysWhatItExpects) {
  for (const char* bad : {"", "8080", ":8080", "host:", "host:70000", "host:-1", "host:80x", "::1:80", "unix:"}) {
    const auto address = ParseAddress(bad);
    ASSERT_FALSE(address.ok()) << bad;
    EXPECT_NE(address.status().message().find("expected HOST:PORT"), absl::string_view::npos) << bad;
  }
  EXPECT_FALSE(ParseAddress("unix:" + std::string(200, 'a')).ok());
}

TEST(Status, FieldViolationsNameEveryFieldAndSurviveTheWire) {
  FieldViolations violations;
  EXPECT_TRUE(violations.ToStatus().ok());
  violations.Add("location.latitude", "91 is out of range; expected -90 to 90");
  violations.Add("units", "unknown");
  const absl::Status status = FromProto(ToProto(violations.ToStatus()));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  google::rpc::BadRequest detail;
  ASSERT_TRUE(GetDetail(status, &detail));
  ASSERT_EQ(detail.field_violations_size(), 2);
  EXPECT_EQ(detail.field_violations(0).field(), "location.latitude");
  EXPECT_EQ(detail.field_violations(1).field(), "units");
}

TEST(Status, UnknownCodesFromTheWireBecomeUnknown) {
  google::rpc::Status proto;
  proto.set_code(99);
  EXPECT_EQ(FromProto(proto).code(), absl::StatusCode::kUnknown);
}

TEST(Log, WritesOneJsonObjectALineWithHostileTextEscaped) {
  std::vector<std::string> lines;
  SetLogSink([&](std::string_view line) { lines.emplace_back(line); });
  Log(Severity::kInfo, "a\"b\n", {{"text", "\xFF\x01ü"}, {"n", 3}, {"x", 1.5}, {"yes", true}});
  Log(Severity::kDebug, "below the level");
  SetLogSink(nullptr);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find(R"("message":"a\"b\u000a","text":"�\u0001ü","n":3,"x":1.5,"yes":true})"), std::string::npos)
      << lines[0];
  EXPECT_EQ(lines[0].back(), '\n');
}

TEST(Random, HexHasTheLengthAskedForAndDiffers) {
  EXPECT_EQ(RandomHex(12).size(), 24u);
  EXPECT_NE(RandomHex(16), RandomHex(16));
}

TEST(ReadyFile, IsWrittenWholeUnderItsFinalName) {
  const std::string path = testing::TempDir() + "/ready-" + RandomHex(4);
  ASSERT_TRUE(WriteReadyFile(path, {{"gateway", "127.0.0.1:1"}, {"admin", "127.0.0.1:2"}}).ok());
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), "{\"admin\":\"127.0.0.1:2\",\"gateway\":\"127.0.0.1:1\"}\n");
  EXPECT_FALSE(WriteReadyFile("/nonexistent-folder/ready", {}).ok());
  std::remove(path.c_str());
}

}  // namespace
}  // namespace stratus::core
