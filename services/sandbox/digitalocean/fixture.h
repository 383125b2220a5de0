// Calls to the sandbox's DigitalOcean, for the tests of its parts.
#pragma once

#include <string>

#include "absl/strings/escaping.h"
#include "services/sandbox/sandbox_fixture.h"

namespace stratus::sandbox::digitalocean {

class DigitalOceanTest : public SandboxTest {
 protected:
  static constexpr char kToken[] = "dop_v1_mine";

  Reply Call(const std::string& method, const std::string& path, const Json& body = nullptr,
             const std::string& token = kToken) {
    http_client::Request request{
        .method = method, .url = sandbox_->base_url() + "/v2/" + path, .idempotent = method == "GET"};
    if (!token.empty()) request.headers.emplace_back("authorization", "Bearer " + token);
    if (!body.is_null()) {
      request.headers.emplace_back("content-type", "application/json");
      request.body = ToText(body);
    }
    return Send(std::move(request));
  }

  Reply Ask(const std::string& path, const std::string& token = kToken) { return Call("GET", path, nullptr, token); }

  static Json DropletBody() {
    return {{"name", "web"}, {"region", "lon1"}, {"size", "s-1vcpu-1gb"}, {"image", "ubuntu-24-04-x64"}};
  }

  // The id of a new droplet.
  std::string MakeDroplet(const Json& more = Json::object(), const std::string& token = kToken) {
    Json body = DropletBody();
    body.update(more);
    const Reply reply = Call("POST", "droplets", body, token);
    EXPECT_EQ(reply.status, 202) << reply.body;
    return reply.json["droplet"]["id"].dump();
  }

  // The id of one that has booted.
  std::string MakeActiveDroplet(const Json& more = Json::object()) {
    std::string id = MakeDroplet(more);
    clock_.Advance(absl::Seconds(2));
    return id;
  }

  // An ed25519 key with the number in its bytes.
  static std::string PublicKey(char number) {
    const std::string head("\0\0\0\x0bssh-ed25519\0\0\0\x20", 19);
    return "ssh-ed25519 " + absl::Base64Escape(head + std::string(31, 'k') + number);
  }
};

}  // namespace stratus::sandbox::digitalocean
