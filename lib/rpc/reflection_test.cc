#include <set>

#include "gmock/gmock.h"
#include "google/protobuf/descriptor.pb.h"
#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"
#include "lib/rpc/server.h"
#include "lib/rpc/testing/echo_service.h"
#include "lib/rpc/testing/method_walk.h"

namespace stratus::rpc {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

template <typename Generated, typename RequestType, typename ResponseType>
struct Version {
  using Service = Generated;
  using Request = RequestType;
  using Response = ResponseType;
};
using V1 = Version<grpc::reflection::v1::ServerReflection, grpc::reflection::v1::ServerReflectionRequest,
                   grpc::reflection::v1::ServerReflectionResponse>;
using V1Alpha = Version<grpc::reflection::v1alpha::ServerReflection, grpc::reflection::v1alpha::ServerReflectionRequest,
                        grpc::reflection::v1alpha::ServerReflectionResponse>;

class RunningServer : public ::testing::Test {
 protected:
  void SetUp() override {
    ServerOptions options;
    options.listen = {*core::ParseAddress("127.0.0.1:0")};
    options.AddService<testing::v1::EchoService>(&service_);
    options.authenticator = std::make_shared<testing::FakeAuthenticator>();
    absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(std::move(options));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    channel_ = grpc::CreateChannel(server_->addresses()[0], grpc::InsecureChannelCredentials());
  }

  testing::EchoService service_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

template <typename Tested>
class ReflectionTest : public RunningServer {
 protected:
  using Request = typename Tested::Request;
  using Response = typename Tested::Response;

  // One question on a stream of its own.
  Response Ask(const Request& request) {
    const auto stub = Tested::Service::NewStub(channel_);
    grpc::ClientContext context;
    const auto stream = stub->ServerReflectionInfo(&context);
    Response response;
    EXPECT_TRUE(stream->Write(request));
    EXPECT_TRUE(stream->Read(&response));
    stream->WritesDone();
    EXPECT_TRUE(stream->Finish().ok());
    return response;
  }

  static std::vector<std::string> FileNames(const Response& response) {
    std::vector<std::string> names;
    for (const std::string& bytes : response.file_descriptor_response().file_descriptor_proto()) {
      google::protobuf::FileDescriptorProto file;
      EXPECT_TRUE(file.ParseFromString(bytes));
      names.push_back(file.name());
    }
    return names;
  }
};

using Versions = ::testing::Types<V1, V1Alpha>;
TYPED_TEST_SUITE(ReflectionTest, Versions);

TYPED_TEST(ReflectionTest, ListsEveryService) {
  typename TypeParam::Request request;
  request.set_list_services("*");
  std::vector<std::string> names;
  const auto response = this->Ask(request);
  for (const auto& service : response.list_services_response().service()) names.push_back(service.name());
  EXPECT_THAT(names,
              UnorderedElementsAre("stratus.rpc.testing.v1.EchoService", "grpc.health.v1.Health",
                                   "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"));
}

TYPED_TEST(ReflectionTest, DescribesAFileWithItsImports) {
  const auto files = ElementsAre("lib/rpc/testing/echo.proto", "stratus/auth/v1/authorization.proto",
                                 "google/protobuf/descriptor.proto");
  typename TypeParam::Request request;
  request.set_file_by_filename("lib/rpc/testing/echo.proto");
  EXPECT_THAT(this->FileNames(this->Ask(request)), files);
  for (const char* symbol : {"stratus.rpc.testing.v1.EchoService", "stratus.rpc.testing.v1.EchoService.Echo",
                             "stratus.rpc.testing.v1.EchoRequest"}) {
    request.set_file_containing_symbol(symbol);
    EXPECT_THAT(this->FileNames(this->Ask(request)), files) << symbol;
  }
  request.set_file_containing_symbol("grpc.health.v1.Health");
  EXPECT_THAT(this->FileNames(this->Ask(request)), ElementsAre("grpc/health/v1/health.proto"));
}

TYPED_TEST(ReflectionTest, KnowsExtensions) {
  typename TypeParam::Request request;
  request.mutable_file_containing_extension()->set_containing_type("google.protobuf.MethodOptions");
  request.mutable_file_containing_extension()->set_extension_number(73501);
  EXPECT_THAT(this->FileNames(this->Ask(request)),
              ElementsAre("stratus/auth/v1/authorization.proto", "google/protobuf/descriptor.proto"));
  request.set_all_extension_numbers_of_type("google.protobuf.MethodOptions");
  EXPECT_THAT(this->Ask(request).all_extension_numbers_response().extension_number(), ::testing::Contains(73501));
}

TYPED_TEST(ReflectionTest, AnswersNotFoundAndStaysOpen) {
  const auto stub = TypeParam::Service::NewStub(this->channel_);
  grpc::ClientContext context;
  const auto stream = stub->ServerReflectionInfo(&context);
  for (int question = 0; question < 4; ++question) {
    typename TypeParam::Request request;
    if (question == 0) request.set_file_by_filename("no/such.proto");
    if (question == 1) request.set_file_containing_symbol("no.Such");
    if (question == 2) request.mutable_file_containing_extension()->set_containing_type("no.Such");
    if (question == 3) request.set_all_extension_numbers_of_type("no.Such");
    typename TypeParam::Response response;
    ASSERT_TRUE(stream->Write(request));
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.error_response().error_code(), static_cast<int>(grpc::StatusCode::NOT_FOUND)) << question;
    EXPECT_EQ(response.original_request().SerializeAsString(), request.SerializeAsString());
  }
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

// What the test of each service does with its own descriptors: nothing is open but what is listed here.
TEST_F(RunningServer, EveryMethodThatIsNotPublicNeedsAToken) {
  const auto codes = testing::CallEveryMethod(channel_, "");
  ASSERT_TRUE(codes.ok()) << codes.status();
  std::vector<std::string> open, unauthenticated, denied;
  for (const auto& [method, code] : *codes) {
    auto& list = code == absl::StatusCode::kUnauthenticated    ? unauthenticated
                 : code == absl::StatusCode::kPermissionDenied ? denied
                                                               : open;
    list.push_back(method);
  }
  EXPECT_THAT(open, UnorderedElementsAre("/stratus.rpc.testing.v1.EchoService/PublicEcho",
                                         "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch",
                                         "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                                         "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"));
  EXPECT_EQ(std::set<std::string>(open.begin(), open.end()),
            std::set<std::string>(server_->public_methods().begin(), server_->public_methods().end()));
  EXPECT_THAT(unauthenticated, UnorderedElementsAre("/stratus.rpc.testing.v1.EchoService/Echo",
                                                    "/stratus.rpc.testing.v1.EchoService/EchoStream"));
  EXPECT_EQ(denied, server_->denied_methods());
  EXPECT_EQ(service_.entered(), 1) << "PublicEcho alone";
}

TEST_F(RunningServer, EveryMethodButTheUndeclaredIsEnteredWithAGoodToken) {
  const auto codes = testing::CallEveryMethod(channel_, "Bearer good");
  ASSERT_TRUE(codes.ok()) << codes.status();
  for (const auto& [method, code] : *codes) {
    const bool undeclared = method == "/stratus.rpc.testing.v1.EchoService/Undeclared";
    EXPECT_EQ(code, undeclared ? absl::StatusCode::kPermissionDenied : absl::StatusCode::kOk) << method;
  }
  EXPECT_EQ(service_.entered(), 3);
}

TEST_F(RunningServer, AMethodThatNoServiceHasIsUnimplemented) {
  grpc::GenericStub stub(channel_);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareUnaryCall(&context, "/no.Such/Method", grpc::ByteBuffer(), &queue);
  call->StartCall();
  grpc::ByteBuffer reply;
  grpc::Status status;
  int tag = 0;
  call->Finish(&reply, &status, &tag);
  void* done = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&done, &ok));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

}  // namespace
}  // namespace stratus::rpc
