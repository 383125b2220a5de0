#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "gateway/filter/access_log.h"
#include "gateway/filter/cors.h"

namespace stratus::gateway::filter {
namespace {

using ::testing::HasSubstr;

std::string ValueOf(const std::vector<http::Header>& headers, std::string_view name) {
  for (const http::Header& header : headers) {
    if (header.name == name) return std::string(header.value);
  }
  return "(absent)";
}

struct CrossOrigin {
  explicit CrossOrigin(std::string_view origin)
      : headers{{"origin", origin}, {"access-control-request-method", "POST"}} {
    head.method = "OPTIONS";
    head.headers = headers;
  }
  std::vector<http::Header> headers;
  http::RequestHead head;
};

TEST(Cors, NamesTheOriginThatItAllowsAndNoOther) {
  stratus::config::v1::Cors config;
  config.add_allow_origins("https://app.example.com");
  config.set_allow_credentials(true);
  const auto cors = Cors::Create(config);
  ASSERT_TRUE(cors.ok()) << cors.status();
  std::vector<http::Header> out;
  (*cors)->AppendPreflight(CrossOrigin("https://app.example.com").head, "POST, OPTIONS", &out);
  EXPECT_EQ(ValueOf(out, "access-control-allow-origin"), "https://app.example.com");
  EXPECT_EQ(ValueOf(out, "access-control-allow-credentials"), "true");
  EXPECT_EQ(ValueOf(out, "access-control-allow-methods"), "POST, OPTIONS");
  EXPECT_THAT(ValueOf(out, "access-control-allow-headers"), HasSubstr("authorization"));
  EXPECT_EQ(ValueOf(out, "access-control-max-age"), "600");
  EXPECT_EQ(ValueOf(out, "vary"), "origin");
  for (const char* other : {"https://evil.example.com", "https://app.example.com.evil.com", "http://app.example.com",
                            "null", "https://APP.example.com"}) {
    out.clear();
    (*cors)->AppendPreflight(CrossOrigin(other).head, "POST", &out);
    EXPECT_EQ(ValueOf(out, "access-control-allow-origin"), "(absent)") << other;
    EXPECT_EQ(ValueOf(out, "vary"), "origin") << other;
  }
}

TEST(Cors, AStarNeedsNoVary) {
  stratus::config::v1::Cors config;
  config.add_allow_origins("*");
  const auto cors = Cors::Create(config);
  ASSERT_TRUE(cors.ok());
  std::vector<http::Header> out;
  (*cors)->Append(CrossOrigin("https://any.example.com").head, &out);
  EXPECT_EQ(ValueOf(out, "access-control-allow-origin"), "*");
  EXPECT_EQ(ValueOf(out, "vary"), "(absent)");
}

TEST(Cors, RefusesAContradictoryConfiguration) {
  const std::vector<std::function<void(stratus::config::v1::Cors*)>> wrong = {
      [](auto* cors) { cors->add_allow_origins("example.com"); },
      [](auto* cors) { cors->add_allow_origins("https://example.com/path"); },
      [](auto* cors) { cors->add_allow_origins("https://*.example.com"); },
      [](auto* cors) {
        cors->add_allow_origins("*");
        cors->add_allow_origins("https://example.com");
      },
      [](auto* cors) {
        cors->add_allow_origins("*");
        cors->set_allow_credentials(true);
      },
      [](auto* cors) { cors->mutable_max_age()->set_seconds(100'000); },
  };
  for (const auto& make_wrong : wrong) {
    stratus::config::v1::Cors config;
    make_wrong(&config);
    EXPECT_EQ(Cors::Create(config).status().code(), absl::StatusCode::kInvalidArgument) << config.DebugString();
  }
}

AccessRecord Record() {
  AccessRecord record;
  record.time = absl::FromUnixMillis(1'700'000'000'007);
  record.request_id = "id\"1";
  record.http_method = "GET";
  record.route = "/v1/{name}";
  record.http_status = 404;
  record.grpc_code = absl::StatusCode::kNotFound;
  record.bytes_out = 12;
  record.duration = absl::Microseconds(1'034);
  return record;
}

TEST(AccessLog, WritesOneJsonObjectALine) {
  std::string line;
  AppendAccessLine(Record(), &line);
  EXPECT_EQ(line, R"({"time":"2023-11-14T22:13:20.007Z","requestId":"id\"1","httpMethod":"GET","route":"/v1/{name}",)"
                  R"("status":404,"code":"NOT_FOUND","bytesIn":0,"bytesOut":12,"ms":1.034})"
                  "\n");
}

TEST(AccessLog, WritesOutWhatIsLeftAtTheEnd) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  {
    AccessLog log(ends[1]);
    for (int i = 0; i < 100; ++i) log.Write(Record());
  }
  ::close(ends[1]);
  std::string text;
  char piece[4096];
  for (ssize_t got; (got = ::read(ends[0], piece, sizeof(piece))) > 0;) text.append(piece, static_cast<size_t>(got));
  ::close(ends[0]);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 100);
}

}  // namespace
}  // namespace stratus::gateway::filter
