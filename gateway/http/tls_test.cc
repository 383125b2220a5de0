// TLS at the listener, spoken to by a blocking OpenSSL client.
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>

#include "boost/asio/io_context.hpp"
#include "gateway/http/testing/memory_transport.h"
#include "gateway/http/testing/test_certificate.h"
#include "gateway/http/testing/test_client.h"
#include "gateway/http/testing/test_server.h"
#include "gateway/http/tls_context.h"
#include "gateway/http/tls_transport.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stratus::gateway::http {
namespace {

using ::testing::HasSubstr;
using testing::TestCertificate;
using testing::TestClient;
using testing::TestServer;

class TlsClient {
 public:
  struct Options {
    std::string alpn = {};  // in wire form
    int version_max = 0;
    int receive_buffer = 0;
    std::string trusted = {};  // a PEM file; empty: whoever
  };

  TlsClient(const core::Address& address, const Options& options)
      : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free), ssl_(nullptr, SSL_free) {
    if (!options.trusted.empty()) {
      SSL_CTX_load_verify_locations(context_.get(), options.trusted.c_str(), nullptr);
      SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    }
    SSL_CTX_set_max_proto_version(context_.get(), options.version_max);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(options.alpn.data()),
                        static_cast<unsigned>(options.alpn.size()));
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (options.receive_buffer > 0) {
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &options.receive_buffer, sizeof(options.receive_buffer));
    }
    const timeval patience{30, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(address.port);
    ::inet_pton(AF_INET, address.host.c_str(), &at.sin_addr);
    ::connect(fd_, reinterpret_cast<sockaddr*>(&at), sizeof(at));
    SSL_set_fd(ssl_.get(), fd_);
    connected_ = SSL_connect(ssl_.get()) == 1;
    ERR_clear_error();
  }
  ~TlsClient() { ::close(fd_); }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  bool connected() const { return connected_; }
  std::string protocol() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  std::string version() const { return SSL_get_version(ssl_.get()); }
  void Send(const std::string& bytes) { SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())); }
  // All until the server ends; `clean` says whether it said so (close_notify).
  std::string ReadToEnd(bool* clean = nullptr) {
    std::string all;
    char piece[16384];
    int got = 0;
    while ((got = SSL_read(ssl_.get(), piece, sizeof(piece))) > 0) all.append(piece, static_cast<size_t>(got));
    if (clean != nullptr) *clean = SSL_get_error(ssl_.get(), got) == SSL_ERROR_ZERO_RETURN;
    ERR_clear_error();
    return all;
  }
  std::string Read(size_t bytes) {
    std::string all(bytes, '\0');
    size_t have = 0;
    while (have < bytes) {
      const int got = SSL_read(ssl_.get(), all.data() + have, static_cast<int>(bytes - have));
      if (got <= 0) break;
      have += static_cast<size_t>(got);
    }
    all.resize(have);
    return all;
  }

 private:
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
  std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
  int fd_;
  bool connected_ = false;
};

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() : server_({}, "127.0.0.1:0", tls_) {}

  TestCertificate certificate_;
  std::shared_ptr<TlsServerContext> tls_ = *TlsServerContext::Load(certificate_.files());
  TestServer server_;
};

std::string Get(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n";
}

TEST_F(TlsTest, ServesHttp1AndEndsCleanly) {
  TlsClient client(server_.address(), {.alpn = "\x08http/1.1", .trusted = certificate_.files().certificate});
  ASSERT_TRUE(client.connected());
  EXPECT_EQ(client.protocol(), "http/1.1");
  EXPECT_EQ(client.version(), "TLSv1.3");
  client.Send(Get("/hello"));
  bool clean = false;
  EXPECT_THAT(client.ReadToEnd(&clean), HasSubstr("\r\n\r\nhello"));
  EXPECT_TRUE(clean);
}

TEST_F(TlsTest, ChoosesHttp2WhereTheClientCanSpeakIt) {
  TlsClient client(server_.address(), {.alpn = "\x08http/1.1\x02h2"});
  ASSERT_TRUE(client.connected());
  EXPECT_EQ(client.protocol(), "h2");
  client.Send(std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") + std::string("\0\0\0\4\0\0\0\0\0", 9));
  const std::string frame = client.Read(9);
  ASSERT_EQ(frame.size(), 9u);
  EXPECT_EQ(frame[3], 4) << "the server's SETTINGS";
}

TEST_F(TlsTest, WithoutAlpnTheBytesDecide) {
  TlsClient client(server_.address(), {});
  client.Send(Get("/hello"));
  EXPECT_THAT(client.ReadToEnd(), HasSubstr("hello"));
}

TEST_F(TlsTest, RefusesProtocolsItDoesNotSpeakAndOldVersions) {
  EXPECT_FALSE(TlsClient(server_.address(), {.alpn = "\x06spdy/1"}).connected());
  EXPECT_FALSE(TlsClient(server_.address(), {.version_max = TLS1_1_VERSION}).connected());
  EXPECT_EQ(TlsClient(server_.address(), {.version_max = TLS1_2_VERSION}).version(), "TLSv1.2");
}

TEST_F(TlsTest, SaysNothingToAClientThatDoesNotSpeakTls) {
  TestClient client(server_.address());
  client.Send("GET /hello HTTP/1.1\r\nhost: a.example\r\n\r\n");
  EXPECT_THAT(client.ReadToEnd(), ::testing::Not(HasSubstr("hello")));
}

TEST_F(TlsTest, CountsHandshakesThatFail) {
  EXPECT_TRUE(TlsClient(server_.address(), {}).connected());
  EXPECT_FALSE(TlsClient(server_.address(), {.version_max = TLS1_1_VERSION}).connected());
  TestClient plain(server_.address());
  plain.Send("GET /hello HTTP/1.1\r\nhost: a.example\r\n\r\n");
  plain.ReadToEnd();
  while (server_.worker().stats().tls_handshakes_failed.load() < 2) std::this_thread::yield();
  EXPECT_EQ(server_.worker().stats().tls_handshakes_failed.load(), 2u);
}

TEST_F(TlsTest, CarriesMuchBothWaysPastASlowReader) {
  TlsClient client(server_.address(), {.receive_buffer = 4096});
  client.Send(Get("/stream/3000000"));
  EXPECT_GT(client.ReadToEnd().size(), 3'000'000u);
  TlsClient echo(server_.address(), {});
  const std::string body(1'000'000, 'x');
  echo.Send("POST /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 1000000\r\n\r\n" + body);
  EXPECT_THAT(echo.ReadToEnd(), ::testing::EndsWith(body));
}

TEST_F(TlsTest, TakesANewCertificateForNewConnections) {
  tls_->SetLookInterval(absl::ZeroDuration());
  const TlsClient::Options trusting{.trusted = certificate_.files().certificate};  // whatever it holds then
  EXPECT_TRUE(TlsClient(server_.address(), trusting).connected());
  TlsClient before(server_.address(), {});
  TestCertificate next, stranger;
  next.Replace(certificate_);
  EXPECT_TRUE(TlsClient(server_.address(), trusting).connected());
  EXPECT_FALSE(TlsClient(server_.address(), {.trusted = stranger.files().certificate}).connected());
  before.Send(Get("/hello"));
  EXPECT_THAT(before.ReadToEnd(), HasSubstr("hello")) << "a connection keeps what it began with";
}

TEST_F(TlsTest, KeepsTheOldCertificateWhenTheNewOneIsBroken) {
  tls_->SetLookInterval(absl::ZeroDuration());
  TestCertificate stranger;
  std::rename(stranger.files().key.c_str(), certificate_.files().key.c_str());
  EXPECT_TRUE(TlsClient(server_.address(), {.trusted = certificate_.files().certificate}).connected());
}

TEST(TlsTransport, KnowsHowMuchOfABatchHasGone) {
  TestCertificate certificate;
  const std::shared_ptr<TlsServerContext> tls = *TlsServerContext::Load(certificate.files());
  struct Events final : TransportEvents {
    void OnRead(ssize_t) override {}
    void OnWritable() override {}
  } events;
  boost::asio::io_context loop(1);
  testing::MemoryTransport wire;
  const TransportPtr server = MakeTlsTransport(loop, TransportPtr(&wire), tls->NewSession());
  server->SetEvents(&events);
  wire.Allow(1 << 20);
  std::array<char, 100> input;
  server->Read(input.data(), input.size());

  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  const std::unique_ptr<SSL, void (*)(SSL*)> client(SSL_new(context.get()), SSL_free);
  BIO* const from_server = BIO_new(BIO_s_mem());
  BIO* const to_server = BIO_new(BIO_s_mem());
  SSL_set_bio(client.get(), from_server, to_server);
  size_t taken = 0;
  while (SSL_connect(client.get()) != 1) {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(to_server, &bytes);
    ASSERT_TRUE(wire.Deliver({bytes, static_cast<size_t>(size)}));
    BIO_reset(to_server);
    BIO_write(from_server, wire.output().data() + taken, static_cast<int>(wire.output().size() - taken));
    taken = wire.output().size();
  }
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(to_server, &bytes);
  ASSERT_TRUE(wire.Deliver({bytes, static_cast<size_t>(size)}));

  const std::string batch(64 << 10, 'x');
  EXPECT_EQ(server->Unacknowledged(), 0);
  wire.Forbid();
  wire.Allow(10'000);
  EXPECT_EQ(server->TryWrite(batch), -EAGAIN);
  EXPECT_NEAR(server->Unacknowledged(), -10'000, 500);
  server->AwaitWritable();
  wire.Allow(10'000);
  EXPECT_NEAR(server->Unacknowledged(), -20'000, 500);
  server->AwaitWritable();
  wire.Allow(100'000);
  EXPECT_EQ(server->TryWrite(batch), static_cast<ssize_t>(batch.size()));
  EXPECT_EQ(server->Unacknowledged(), 0);
}

TEST(TlsServerContext, RefusesAKeyOfAnotherCertificate) {
  TestCertificate one, two;
  const auto loaded = TlsServerContext::Load({one.files().certificate, two.files().key});
  EXPECT_EQ(loaded.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(loaded.status().message()), HasSubstr(two.files().key));
  EXPECT_FALSE(TlsServerContext::Load({"/nowhere.crt", "/nowhere.key"}).ok());
}

}  // namespace
}  // namespace stratus::gateway::http
