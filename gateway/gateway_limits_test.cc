// What a gateway does when its memory is used up, and how it takes its limits from the configuration.
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gateway/http/testing/test_certificate.h"
#include "gateway/loop/memory_budget.h"
#include "gateway/testing/gateway_fixture.h"

namespace stratus::gateway {
namespace {

constexpr size_t kMiB = 1 << 20;

class GatewayLimitsTest : public testing::GatewayFixture {
 protected:
  ~GatewayLimitsTest() override { MemoryBudget::Set(SIZE_MAX); }

  void StartWith(uint64_t memory, uint64_t of_connection) {
    options_.config.mutable_limits()->set_memory_bytes_max(memory);
    options_.config.mutable_limits()->set_connection_memory_bytes_max(of_connection);
    Start();
  }
  double Metric(const std::string& name) {
    telemetry::Metrics metrics;
    const auto source = metrics.AddSource([this](telemetry::Snapshot& out) { gateway_->WriteMetrics(out); });
    const std::string text = metrics.Scrape();
    const size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }
  // All of a body but its last byte, of `size` bytes.
  static void SendMost(testing::RawClient* client, size_t size) {
    client->Send("POST", "/t/echo",
                 "content-type: application/json\r\ncontent-length: " + std::to_string(size + 1) + "\r\n");
    client->SendBytes("{\"name\":\"" + std::string(size - 9, 'x'), 1000);
  }
};

TEST_F(GatewayLimitsTest, ABodyOverTheShareOfItsConnectionIsRefused) {
  StartWith(64 * kMiB, 2 * kMiB);
  SendMost(client_.get(), 3 * kMiB);
  const testing::RawResponse response = client_->Receive();
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.headers.at("retry-after"), "1");
  EXPECT_NE(response.body.find("\"code\":14"), std::string::npos);
  EXPECT_GT(Metric("stratus_gateway_memory_refused_total"), 0);
  testing::RawClient other(address());
  EXPECT_EQ(other.Post("/t/echo", "{\"name\":\"a\"}").status, 200);
}

TEST_F(GatewayLimitsTest, ThoseThatHoldMostAreClosedSoThatOthersHaveRoom) {
  StartWith(64 * kMiB, 32 * kMiB);
  std::vector<std::unique_ptr<testing::RawClient>> clients;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(std::make_unique<testing::RawClient>(address()));
    SendMost(clients.back().get(), 7 * kMiB);
  }
  EXPECT_LE(MemoryBudget::used(), 64 * kMiB);
  EXPECT_GT(Metric("stratus_gateway_connections_memory_closed_total"), 0);
  EXPECT_EQ(client_->Post("/t/echo", "{\"name\":\"" + std::string(kMiB, 'x') + "\"}").status, 200);
  clients.clear();
}

TEST_F(GatewayLimitsTest, ConnectionsThatOnlyStandThereTakeHalfAtMost) {
  const http::testing::TestCertificate certificate;
  options_.config.mutable_tls()->set_cert_file(certificate.files().certificate);
  options_.config.mutable_tls()->set_key_file(certificate.files().key);
  options_.config.mutable_limits()->set_connections_per_address_max(1000);
  StartWith(64 * kMiB, 0);
  constexpr int kClients = 700;
  std::vector<std::unique_ptr<testing::RawClient>> clients;
  for (int i = 0; i < kClients; ++i) clients.push_back(std::make_unique<testing::RawClient>(address()));
  while (Metric("stratus_gateway_connections_accepted_total") < kClients) std::this_thread::yield();
  EXPECT_GT(Metric("stratus_gateway_connections_idle_closed_total"), 0);
  EXPECT_LE(MemoryBudget::used(), 34 * kMiB);
}

TEST_F(GatewayLimitsTest, AReplyOverTheShareOfItsConnectionIsRefused) {
  StartWith(64 * kMiB, kMiB);
  const testing::RawResponse response = client_->Get("/t/items/1?labels[size]=3000000");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(client_->Get("/t/items/1").status, 200);
}

TEST_F(GatewayLimitsTest, TheDeadlineCoversTheBody) {
  options_.config.mutable_limits()->mutable_default_timeout()->set_nanos(300'000'000);
  Start();
  SendMost(client_.get(), 1000);
  EXPECT_EQ(client_->Receive().status, 504);
}

TEST_F(GatewayLimitsTest, LimitsOutOfRangeAreNamed) {
  options_.config.mutable_limits()->set_memory_bytes_max(5);
  options_.config.mutable_limits()->mutable_slow_grace()->set_nanos(5);
  options_.config.add_upstreams()->set_address("127.0.0.1:1");
  const std::string message(Gateway::Start(options_).status().message());
  EXPECT_NE(message.find("limits.memory_bytes_max"), std::string::npos) << message;
  EXPECT_NE(message.find("limits.slow_grace"), std::string::npos) << message;
}

}  // namespace
}  // namespace stratus::gateway
