// A connection over memory: what depends on when its peer takes output, and on how its input is cut.
#include "gateway/http/connection.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "boost/asio/io_context.hpp"
#include "gateway/http/testing/memory_transport.h"
#include "gateway/http/testing/test_service.h"
#include "gtest/gtest.h"

namespace stratus::gateway::http {
namespace {

using testing::MemoryTransport;

class ConnectionTest : public ::testing::Test, public ConnectionOwner {
 protected:
  ConnectionTest() : service_(loop_, &log_), context_(loop_, Limits{}, &service_) {
    connection_ = std::make_unique<Connection>(&context_, this, TransportPtr(&transport_), std::string("test:1"));
    connection_->Start();
  }
  ~ConnectionTest() override {
    context_.deferred.Clear();
    connection_.reset();
  }

  // One turn of the loop, in which the peer takes `bytes` of output.
  void Turn(size_t bytes) {
    transport_.Allow(bytes);
    loop_.poll();
    loop_.restart();
  }
  void Tick() {
    ++context_.clock.now;
    connection_->OnTick();
  }

  boost::asio::io_context loop_{1};
  testing::EventLog log_;
  testing::TestService service_;
  Context context_;
  MemoryTransport transport_;
  std::unique_ptr<Connection> connection_;

 private:
  void OnConnectionClosed(Connection*) override { connection_.reset(); }
  void OnMemoryShort() override {}
};

TEST_F(ConnectionTest, CountsTheLastPieceOfBulkInput) {
  const std::string head = "POST /hold HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n";
  transport_.Deliver(head + std::string(50'000 - head.size(), 'x'));
  Tick();
  EXPECT_EQ(connection_->rate(), 25'000);
}

std::string Frame(size_t size, uint8_t type, uint8_t flags, uint8_t stream) {
  const char head[] = {static_cast<char>(size >> 16),
                       static_cast<char>(size >> 8),
                       static_cast<char>(size),
                       static_cast<char>(type),
                       static_cast<char>(flags),
                       0,
                       0,
                       0,
                       static_cast<char>(stream)};
  return std::string(head, sizeof(head));
}

// A GET without a body, its path as a literal.
std::string Get(std::string_view path, uint8_t stream) {
  const std::string block =
      "\x82\x86\x04" + std::string(1, static_cast<char>(path.size())) + std::string(path) + std::string("\x01\x01z");
  return Frame(block.size(), NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, stream) + block;
}

// The preface, with windows that never close.
std::string Http2Start() {
  return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(6, NGHTTP2_SETTINGS, 0, 0) +
         std::string("\0\x04\x7f\xff\xff\xff", 6) + Frame(4, NGHTTP2_WINDOW_UPDATE, 0, 0) +
         std::string("\x7f\xfe\xff\xff", 4);
}

bool Refused(const std::string& output, uint8_t stream) {
  return output.find(Frame(4, NGHTTP2_RST_STREAM, 0, stream) + std::string("\0\0\0\7", 4)) != std::string::npos;
}

constexpr char kDownload[] = "/stream/100000000";
constexpr size_t kAll = 16 << 20;

TEST_F(ConnectionTest, AClientThatDownloadsSlowlyMayAskForMore) {
  transport_.Deliver(Http2Start() + Get(kDownload, 1));
  for (int i = 0; i < 3; ++i) {
    Turn(1000);
    Tick();
  }
  transport_.Deliver(Get("/hold", 3));
  Turn(kAll);
  EXPECT_FALSE(Refused(transport_.output(), 3));
  EXPECT_EQ(log_.Count("/hold begin"), 1);
}

TEST_F(ConnectionTest, AClientThatTakesNothingIsRefused) {
  transport_.Deliver(Http2Start() + Get(kDownload, 1));
  Turn(1000);
  for (int i = 0; i < 3; ++i) Tick();
  transport_.Deliver(Get("/hold", 3));
  Turn(kAll);
  EXPECT_TRUE(Refused(transport_.output(), 3));
  EXPECT_EQ(log_.Count("/hold begin"), 0);
}

}  // namespace
}  // namespace stratus::gateway::http
