// A running sandbox and a client to call it with, for the tests of its parts.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lib/core/clock.h"
#include "lib/http_client/http_client.h"
#include "services/sandbox/json.h"
#include "services/sandbox/sandbox.h"

namespace stratus::sandbox {

class SandboxTest : public testing::Test {
 protected:
  struct Reply {
    int status = 0;
    std::string body = {};
    Json json = {};
    http_client::Response response = {};
  };

  SandboxTest() {
    auto sandbox =
        Sandbox::Start({.listen = *core::ParseAddress("127.0.0.1:0"), .profile = "development", .clock = &clock_});
    EXPECT_TRUE(sandbox.ok()) << sandbox.status();
    sandbox_ = *std::move(sandbox);
  }

  Reply Get(const std::string& target) { return Send({.url = sandbox_->base_url() + target}); }

  Reply PostJson(const std::string& target, const Json& body) {
    return Send({.method = "POST",
                 .url = sandbox_->base_url() + target,
                 .headers = {{"content-type", "application/json"}},
                 .body = ToText(body)});
  }

  Reply PostForm(const std::string& target, const std::string& form, const std::string& authorization = "") {
    http_client::Request request{.method = "POST",
                                 .url = sandbox_->base_url() + target,
                                 .headers = {{"content-type", "application/x-www-form-urlencoded"}},
                                 .body = form};
    if (!authorization.empty()) request.headers.emplace_back("authorization", authorization);
    return Send(std::move(request));
  }

  // Status 0 when no reply came; `json` is discarded when the body is none.
  Reply Send(http_client::Request request) {
    auto response = client_.Fetch(std::move(request));
    if (!response.ok()) return {.body = response.status().ToString()};
    Reply reply{.status = response->status, .body = response->body};
    reply.json = Json::parse(reply.body, nullptr, false);
    reply.response = *std::move(response);
    return reply;
  }

  // 2026-01-15 00:00:00 UTC.
  core::ManualClock clock_{absl::FromUnixSeconds(1768435200)};
  std::unique_ptr<Sandbox> sandbox_;
  // Every reply is looked at as it comes.
  http_client::Client client_{{.response_bytes_max = 64 << 20, .attempts_max = 1}};
};

}  // namespace stratus::sandbox
