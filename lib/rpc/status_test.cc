#include "lib/rpc/status.h"

#include <string>

#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "lib/core/status.h"

namespace stratus::rpc {
namespace {

TEST(Status, CarriesCodeMessageAndDetailsBothWays) {
  const absl::Status sent = core::WithRetryAfter(absl::UnavailableError("later"), absl::Seconds(3));
  const absl::Status received = FromGrpc(ToGrpc(sent));
  EXPECT_EQ(received.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(received.message(), "later");
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(core::GetDetail(received, &retry));
  EXPECT_EQ(retry.retry_delay().seconds(), 3);
}

TEST(Status, SendsNoDetailsWhereThereAreNone) {
  EXPECT_EQ(ToGrpc(absl::NotFoundError("x")).error_details(), "");
  EXPECT_TRUE(ToGrpc(absl::OkStatus()).ok());
  EXPECT_TRUE(FromGrpc(grpc::Status::OK).ok());
}

TEST(Status, BoundsWhatGoesIntoTrailers) {
  core::FieldViolations violations;
  for (int i = 0; i < 200; ++i) violations.Add("a.field.with.a.long.name", "must be something else altogether");
  const grpc::Status status = ToGrpc(violations.ToStatus());
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_LE(status.error_message().size(), 1024u);
  EXPECT_EQ(status.error_details(), "");
}

TEST(Status, CutsAMessageBetweenCharacters) {
  std::string message = "x";
  while (message.size() < 2000) message += "\xC3\xA9";  // é
  const std::string cut = ToGrpc(absl::InternalError(message)).error_message();
  EXPECT_EQ(cut.size(), 1023u);
  EXPECT_EQ(cut, message.substr(0, 1023));
}

TEST(Status, IgnoresDetailsThatDoNotParse) {
  const absl::Status status = FromGrpc(grpc::Status(grpc::StatusCode::ABORTED, "m", "\xff\xff not a message"));
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(status.message(), "m");
}

}  // namespace
}  // namespace stratus::rpc
