// TLS towards services: a gRPC server that answers UNIMPLEMENTED, once it was believed.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "gateway/http/testing/test_certificate.h"
#include "gateway/upstream/cluster_fixture.h"
#include "lib/core/status.h"
#include "shapes.grpc.pb.h"

namespace stratus::gateway::upstream {
namespace {

using http::testing::TestCertificate;
using ::testing::HasSubstr;

std::string Slurp(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class TlsUpstreamTest : public ClusterTest {
 protected:
  TlsUpstreamTest() {
    grpc::SslServerCredentialsOptions options;
    options.pem_key_cert_pairs.push_back({Slurp(certificate_.files().key), Slurp(certificate_.files().certificate)});
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(options), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
  }

  ~TlsUpstreamTest() override { server_->Shutdown(std::chrono::system_clock::now()); }

  absl::Status Call(const std::string& ca_file, const std::string& server_name) {
    http::TlsClientOptions tls;
    tls.ca_file = ca_file;
    tls.server_name = server_name;
    ClusterOptions options;
    options.tls = *http::TlsClientContext::Load(tls);
    Connect(address_, options);
    Recorder recorder;
    Start(&recorder, "Echo", Framed(google::protobuf::Any()));
    Finish(recorder);
    return recorder.status.value_or(absl::InternalError("no end"));
  }

  TestCertificate certificate_{"service.test"};
  testing::v1::Shapes::Service service_;  // every method of it is UNIMPLEMENTED
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

TEST_F(TlsUpstreamTest, TrustsACertificateForTheAddressOrTheName) {
  EXPECT_EQ(Call(certificate_.files().certificate, "").code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(Call(certificate_.files().certificate, "service.test").code(), absl::StatusCode::kUnimplemented);
}

TEST_F(TlsUpstreamTest, RefusesACertificateOfAnotherName) {
  const absl::Status status = Call(certificate_.files().certificate, "other.test");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("ostname mismatch"));
}

TEST_F(TlsUpstreamTest, RefusesACertificateOfAStranger) {
  TestCertificate stranger("service.test");
  const absl::Status status = Call(stranger.files().certificate, "service.test");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("certificate verify failed"));
}

TEST_F(TlsUpstreamTest, RefusesAServerThatDoesNotSpeakTls) {
  Server plain("plain");
  address_ = plain.address();
  const absl::Status status = Call(certificate_.files().certificate, "");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("no TLS with the upstream " + address_));
}

}  // namespace
}  // namespace stratus::gateway::upstream
