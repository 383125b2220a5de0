#include "gateway/proxy/reflection.h"

#include <gmock/gmock.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "gateway/proxy/method_table.h"
#include "gateway/testing/raw_h2_server.h"
#include "gateway/testing/shapes_server.h"

namespace stratus::gateway::proxy {
namespace {

TEST(FetchDescriptors, GetsEveryServiceWithAllItImports) {
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();  // v1alpha alone: v1 is UNIMPLEMENTED
  testing::ShapesServer server;
  const auto files = FetchDescriptors(*core::ParseAddress(server.address()), absl::Seconds(20));
  ASSERT_TRUE(files.ok()) << files.status();
  std::set<std::string> names;
  for (const auto& file : files->file()) names.insert(file.name());
  EXPECT_THAT(names, ::testing::IsSupersetOf({"shapes.proto", "google/api/annotations.proto", "google/api/http.proto",
                                              "stratus/auth/v1/authorization.proto"}));
  SnapshotOptions options;
  options.descriptors = *files;
  options.upstreams = {{}};
  const auto snapshot = Snapshot::Build(std::move(options));
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_NE((*snapshot)->FindMethod("/stratus.gateway.testing.v1.Shapes/Get"), nullptr);
}

TEST(FetchDescriptors, SaysThatAServerCannotBeReached) {
  std::string address;
  {
    testing::ShapesServer gone;
    address = gone.address();
  }
  const auto files = FetchDescriptors(*core::ParseAddress(address), absl::Seconds(5));
  EXPECT_EQ(files.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(files.status().message()), ::testing::HasSubstr(address));
}

TEST(FetchDescriptors, SaysThatAServerHasNoReflection) {
  testing::RawH2Server server([](int, uint32_t stream) {
    return testing::Headers(
        stream, "\x88" + testing::Field("content-type", "application/grpc") + testing::Field("grpc-status", "12"),
        true);
  });
  const auto files = FetchDescriptors(*core::ParseAddress(server.address()), absl::Seconds(5));
  EXPECT_EQ(files.status().code(), absl::StatusCode::kUnimplemented);
}

// A server that has one answer to every question.
absl::Status StatusOfAnswer(const std::string& answer) {
  testing::RawH2Server server([&answer](int, uint32_t stream) {
    const std::string frame = std::string("\0\0\0\0", 4) + static_cast<char>(answer.size()) + answer;
    return testing::Headers(stream, "\x88" + testing::Field("content-type", "application/grpc"), false) +
           testing::Frame(0, 0, stream, frame);
  });
  return FetchDescriptors(*core::ParseAddress(server.address()), absl::Seconds(5)).status();
}

TEST(FetchDescriptors, RefusesMalformedReplies) {
  EXPECT_THAT(std::string(StatusOfAnswer("\x22\x7f").message()), ::testing::HasSubstr("a reply is malformed"));
  EXPECT_THAT(std::string(StatusOfAnswer("\x22\x04\x0a\x02\x0a\x05").message()),
              ::testing::HasSubstr("a file descriptor is malformed"));
}

TEST(FetchDescriptors, SaysWhatTheServersErrorIs) {
  const absl::Status status = StatusOfAnswer(std::string("\x3a\x08\x08\x05\x12\x04gone", 10));
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("gone"));
}

}  // namespace
}  // namespace stratus::gateway::proxy
