#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>

#include <fstream>
#include <memory>
#include <string>

#include "lib/core/random.h"
#include "lib/http_client/http_client.h"
#include "lib/http_client/raw_server.h"

namespace stratus::http_client {
namespace {

using testing::HasSubstr;

// A self-signed certificate for one name, and its key.
class Certificate {
 public:
  explicit Certificate(const char* subject_alternative_name)
      : key_(EVP_RSA_gen(2048), EVP_PKEY_free), x509_(X509_new(), X509_free) {
    X509_set_version(x509_.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509_.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509_.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509_.get()), 3600);
    X509_set_pubkey(x509_.get(), key_.get());
    X509_NAME* name = X509_get_subject_name(x509_.get());
    const std::string common_name = "stratus test " + core::RandomHex(4);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(common_name.c_str()),
                               -1, -1, 0);
    X509_set_issuer_name(x509_.get(), name);
    AddExtension(NID_basic_constraints, "critical,CA:TRUE");
    AddExtension(NID_subject_alt_name, subject_alternative_name);
    EXPECT_GT(X509_sign(x509_.get(), key_.get(), EVP_sha256()), 0);
  }

  X509* x509() const { return x509_.get(); }
  EVP_PKEY* key() const { return key_.get(); }

  std::string Pem() const {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
    PEM_write_bio_X509(bio.get(), x509_.get());
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return {text, static_cast<size_t>(size)};
  }

 private:
  void AddExtension(int id, const char* value) {
    const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, id, value), X509_EXTENSION_free);
    ASSERT_NE(extension, nullptr) << value;
    X509_add_ext(x509_.get(), extension.get(), -1);
  }

  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  std::unique_ptr<X509, decltype(&X509_free)> x509_;
};

// Answers 200 over TLS.
class TlsServer {
 public:
  explicit TlsServer(const Certificate& certificate, int version_max = TLS1_3_VERSION)
      : context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free), server_([this](int fd) { Serve(fd); }) {
    SSL_CTX_use_certificate(context_.get(), certificate.x509());
    SSL_CTX_use_PrivateKey(context_.get(), certificate.key());
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context_.get(), version_max);
    SSL_CTX_set_security_level(context_.get(), 0);
  }

  std::string Url(const std::string& host) const {
    return "https://" + host + server_.address().substr(server_.address().find(':')) + "/path?key=secret";
  }
  int requests() const { return requests_; }

 private:
  void Serve(int fd) {
    // OpenSSL writes without MSG_NOSIGNAL, also to a client that has refused the certificate and gone.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context_.get()), SSL_free);
    SSL_set_fd(ssl.get(), fd);
    if (SSL_accept(ssl.get()) != 1) return;
    char request[4096];
    if (SSL_read(ssl.get(), request, sizeof(request)) <= 0) return;
    ++requests_;
    constexpr std::string_view kReply = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecure";
    SSL_write(ssl.get(), kReply.data(), kReply.size());
    SSL_shutdown(ssl.get());
  }

  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::atomic<int> requests_ = 0;
  RawServer server_;  // last: its threads use the others
};

class HttpClientTlsTest : public testing::Test {
 protected:
  void SetUp() override { std::ofstream(ca_file_) << certificate_.Pem(); }
  void TearDown() override { unlink(ca_file_.c_str()); }

  Options Trusting() const {
    Options options;
    options.ca_file = ca_file_;
    return options;
  }

  const Certificate certificate_{"IP:127.0.0.1"};
  const std::string ca_file_ = testing::TempDir() + "/ca-" + core::RandomHex(8) + ".pem";
};

TEST_F(HttpClientTlsTest, AcceptsACertificateOfATrustedRoot) {
  const TlsServer server(certificate_);
  Client client(Trusting());
  const auto reply = client.Fetch({.url = server.Url("127.0.0.1")});
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->body, "secure");
}

TEST_F(HttpClientTlsTest, RefusesACertificateThatNobodyVouchesFor) {
  const TlsServer server(certificate_);
  Client client;
  const auto reply = client.Fetch({.url = server.Url("127.0.0.1")});
  EXPECT_EQ(reply.status().code(), absl::StatusCode::kUnavailable);
  const std::string message(reply.status().message());
  EXPECT_THAT(message, HasSubstr("certificate is refused: self-signed certificate"));
  EXPECT_THAT(message, testing::Not(HasSubstr("attempts"))) << "tried again, though it cannot get better";
  EXPECT_THAT(message, testing::Not(HasSubstr("secret")));
  EXPECT_EQ(server.requests(), 0);
}

TEST_F(HttpClientTlsTest, RefusesACertificateOfAnotherHost) {
  const TlsServer server(certificate_);
  Client client(Trusting());
  const auto reply = client.Fetch({.url = server.Url("localhost")});
  EXPECT_EQ(reply.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(reply.status().message()), HasSubstr("it is not for this host"));
  EXPECT_EQ(server.requests(), 0);
}

TEST_F(HttpClientTlsTest, RefusesVersionsOfTlsThatAreBroken) {
  const TlsServer server(certificate_, TLS1_1_VERSION);
  Client client(Trusting());
  EXPECT_TRUE(absl::IsUnavailable(client.Fetch({.url = server.Url("127.0.0.1")}).status()));
  EXPECT_EQ(server.requests(), 0);
}

TEST_F(HttpClientTlsTest, NamesACaFileThatItCannotRead) {
  const TlsServer server(certificate_);
  Options options;
  options.ca_file = "/nonexistent/ca.pem";
  const auto reply = Client(options).Fetch({.url = server.Url("127.0.0.1")});
  EXPECT_TRUE(absl::IsUnavailable(reply.status()));
  EXPECT_THAT(std::string(reply.status().message()), HasSubstr("cannot read the CA file /nonexistent/ca.pem"));
}

TEST_F(HttpClientTlsTest, RefusesAPlainServerOnATlsUrlAndTheOtherWayRound) {
  const TlsServer tls(certificate_);
  Client client(Trusting());
  EXPECT_TRUE(absl::IsUnavailable(client.Fetch({.url = "http" + tls.Url("127.0.0.1").substr(5)}).status()));
  EXPECT_EQ(tls.requests(), 0);
  const RawServer plain([](int fd) { WriteAll(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); });
  EXPECT_TRUE(absl::IsUnavailable(client.Fetch({.url = "https://" + plain.address() + "/"}).status()));
}

}  // namespace
}  // namespace stratus::http_client
