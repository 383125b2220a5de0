#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

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
      [](auto* cors) {
        cors->add_allow_origins("https://app.example.com");
        cors->set_allow_credentials(true);
        cors->add_allow_headers("*");
      },
      [](auto* cors) {
        cors->add_allow_origins("https://app.example.com");
        cors->set_allow_credentials(true);
        cors->add_expose_headers("*");
      },
  };
  for (const auto& make_wrong : wrong) {
    stratus::config::v1::Cors config;
    make_wrong(&config);
    EXPECT_EQ(Cors::Create(config).status().code(), absl::StatusCode::kInvalidArgument) << config.DebugString();
  }
}

}  // namespace
}  // namespace stratus::gateway::filter
