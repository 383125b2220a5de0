// Server reflection at the door: one answer for everything that stands behind it.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gateway/gateway.h"
#include "gateway/testing/raw_client.h"
#include "gateway/testing/shapes_server.h"
#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"

namespace stratus::gateway {
namespace {

namespace pb = google::protobuf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kShapes[] = "stratus.gateway.testing.v1.Shapes";
constexpr char kSecond[] = "test.Second";
constexpr char kNobodys[] = "test.Nobodys";

// Shapes, a second service in a file of its own, and one that has no upstream.
pb::FileDescriptorSet TwoServices(const std::string& second = kSecond) {
  pb::FileDescriptorSet set = testing::ShapesDescriptors();
  pb::FileDescriptorProto* file = set.add_file();
  file->set_name("second.proto");
  file->set_package("test");
  file->set_syntax("proto3");
  file->add_dependency("shapes.proto");
  for (const std::string& name : {second, std::string(kNobodys)}) {
    pb::ServiceDescriptorProto* service = file->add_service();
    service->set_name(name.substr(name.find('.') + 1));
    pb::MethodDescriptorProto* method = service->add_method();
    method->set_name("Do");
    method->set_input_type(".stratus.gateway.testing.v1.Item");
    method->set_output_type(".stratus.gateway.testing.v1.Item");
  }
  return set;
}

template <typename ServiceType, typename RequestType, typename ResponseType>
struct Version {
  using Service = ServiceType;
  using Request = RequestType;
  using Response = ResponseType;
};
using V1 = Version<grpc::reflection::v1::ServerReflection, grpc::reflection::v1::ServerReflectionRequest,
                   grpc::reflection::v1::ServerReflectionResponse>;
using V1Alpha = Version<grpc::reflection::v1alpha::ServerReflection, grpc::reflection::v1alpha::ServerReflectionRequest,
                        grpc::reflection::v1alpha::ServerReflectionResponse>;

template <typename Tested>
class DoorReflection : public ::testing::Test {
 protected:
  using Request = typename Tested::Request;
  using Response = typename Tested::Response;

  DoorReflection() {
    GatewayOptions options;
    options.listen = *core::ParseAddress("127.0.0.1:0");
    options.descriptors = TwoServices();
    // Neither upstream offers reflection, and the second is not even there.
    auto* shapes = options.config.add_upstreams();
    shapes->set_address(server_.address());
    shapes->add_services(kShapes);
    auto* second = options.config.add_upstreams();
    second->set_address("127.0.0.1:1");
    second->add_services(kSecond);
    second->add_services("test.Renamed");
    auto started = Gateway::Start(std::move(options));
    EXPECT_TRUE(started.ok()) << started.status();
    gateway_ = *std::move(started);
    channel_ = grpc::CreateChannel(gateway_->address().ToString(), grpc::InsecureChannelCredentials());
  }

  struct Stream {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReaderWriter<Request, Response>> calls;

    Response Ask(const Request& request) {
      Response response;
      EXPECT_TRUE(calls->Write(request));
      EXPECT_TRUE(calls->Read(&response));
      EXPECT_EQ(response.original_request().SerializeAsString(), request.SerializeAsString());
      return response;
    }
    grpc::Status End() {
      calls->WritesDone();
      return calls->Finish();
    }
  };
  std::unique_ptr<Stream> Open() {
    auto stream = std::make_unique<Stream>();
    stream->calls = stub_->ServerReflectionInfo(&stream->context);
    return stream;
  }
  Response Ask(const Request& request) {
    const auto stream = Open();
    Response response = stream->Ask(request);
    EXPECT_TRUE(stream->End().ok());
    return response;
  }
  std::vector<std::string> List() {
    Request request;
    request.set_list_services("*");
    std::vector<std::string> names;
    const Response response = Ask(request);
    for (const auto& service : response.list_services_response().service()) names.push_back(service.name());
    return names;
  }
  static std::vector<std::string> FileNames(const Response& response) {
    std::vector<std::string> names;
    for (const std::string& bytes : response.file_descriptor_response().file_descriptor_proto()) {
      pb::FileDescriptorProto file;
      EXPECT_TRUE(file.ParseFromString(bytes));
      names.push_back(file.name());
    }
    return names;
  }
  std::vector<std::string> FilesWith(const std::string& symbol) {
    Request request;
    request.set_file_containing_symbol(symbol);
    return FileNames(Ask(request));
  }

  testing::ShapesServer server_;
  std::unique_ptr<Gateway> gateway_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<typename Tested::Service::Stub> stub_ = nullptr;

  void SetUp() override { stub_ = Tested::Service::NewStub(channel_); }
};

using Versions = ::testing::Types<V1, V1Alpha>;
TYPED_TEST_SUITE(DoorReflection, Versions);

TYPED_TEST(DoorReflection, ListsTheServicesOfEveryUpstream) {
  EXPECT_THAT(this->List(), ElementsAre("grpc.reflection.v1.ServerReflection",
                                        "grpc.reflection.v1alpha.ServerReflection", kShapes, kSecond));
}

TYPED_TEST(DoorReflection, GivesFilesByNameAndBySymbolWithTheirImports) {
  typename TypeParam::Request request;
  request.set_file_by_filename("second.proto");
  const std::vector<std::string> files = this->FileNames(this->Ask(request));
  EXPECT_EQ(files.front(), "second.proto");
  EXPECT_THAT(files, Contains("shapes.proto"));
  EXPECT_THAT(files, Contains("google/api/http.proto"));
  for (const char* symbol : {"test.Second", "test.Second.Do"}) EXPECT_EQ(this->FilesWith(symbol), files) << symbol;
  EXPECT_EQ(this->FilesWith("stratus.gateway.testing.v1.Item").front(), "shapes.proto");
  EXPECT_EQ(this->FilesWith("stratus.gateway.testing.v1.Item.LabelsEntry").front(), "shapes.proto");
  EXPECT_EQ(this->FilesWith("google.rpc.BadRequest.FieldViolation").front(), "google/rpc/error_details.proto")
      << "error details are read by it";
  EXPECT_THAT(this->FilesWith(TypeParam::Service::service_full_name()), Not(IsEmpty())) << "it describes itself";
}

TYPED_TEST(DoorReflection, KnowsExtensions) {
  typename TypeParam::Request request;
  request.mutable_file_containing_extension()->set_containing_type("google.protobuf.MethodOptions");
  request.mutable_file_containing_extension()->set_extension_number(72295728);
  EXPECT_EQ(this->FileNames(this->Ask(request)).front(), "google/api/annotations.proto");
  request.set_all_extension_numbers_of_type("google.protobuf.MethodOptions");
  const auto numbers = this->Ask(request).all_extension_numbers_response();
  EXPECT_EQ(numbers.base_type_name(), "google.protobuf.MethodOptions");
  EXPECT_THAT(numbers.extension_number(), ElementsAre(73501, 73502, 72295728));
  request.set_all_extension_numbers_of_type("stratus.gateway.testing.v1.Item");
  const auto none = this->Ask(request);
  EXPECT_TRUE(none.has_all_extension_numbers_response()) << "a message that nothing extends is no error";
  EXPECT_THAT(none.all_extension_numbers_response().extension_number(), IsEmpty());
}

TYPED_TEST(DoorReflection, AnswersNotFoundAndStaysOpen) {
  const auto stream = this->Open();
  for (int question = 0; question < 6; ++question) {
    typename TypeParam::Request request;
    if (question == 0) request.set_file_by_filename("no/such.proto");
    if (question == 1) request.set_file_containing_symbol("no.Such");
    if (question == 2) request.mutable_file_containing_extension()->set_containing_type("no.Such");
    if (question == 3) {
      request.mutable_file_containing_extension()->set_containing_type("google.protobuf.MethodOptions");
      request.mutable_file_containing_extension()->set_extension_number(1);
    }
    if (question == 4) request.set_all_extension_numbers_of_type("test.Second");         // no message
    if (question == 5) request.set_file_containing_symbol("stratus.config.v1.Gateway");  // linked, but not served
    EXPECT_EQ(stream->Ask(request).error_response().error_code(), static_cast<int>(grpc::StatusCode::NOT_FOUND))
        << question;
  }
  EXPECT_EQ(stream->Ask({}).error_response().error_code(), static_cast<int>(grpc::StatusCode::INVALID_ARGUMENT));
  EXPECT_TRUE(stream->End().ok());
}

TYPED_TEST(DoorReflection, FollowsAReload) {
  const auto before = this->Open();
  typename TypeParam::Request renamed;
  renamed.set_file_containing_symbol("test.Renamed");
  EXPECT_TRUE(before->Ask(renamed).has_error_response());
  ASSERT_TRUE(this->gateway_->Reload(TwoServices("test.Renamed")).ok());
  while (!::testing::Value(this->List(), Contains("test.Renamed"))) {
  }
  EXPECT_THAT(this->List(), Not(Contains(kSecond)));
  EXPECT_EQ(this->FilesWith("test.Renamed").front(), "second.proto");
  EXPECT_TRUE(before->Ask(renamed).has_error_response()) << "a stream keeps to one set of descriptors";
  EXPECT_TRUE(before->End().ok());
}

TYPED_TEST(DoorReflection, AnswersManyQuestionsWithoutWaitingForTheReader) {
  const auto stream = this->Open();
  typename TypeParam::Request request;
  request.set_file_by_filename("second.proto");
  constexpr int kQuestions = 300;
  std::thread writer([&] {
    for (int i = 0; i < kQuestions; ++i) EXPECT_TRUE(stream->calls->Write(request));
    stream->calls->WritesDone();
  });
  typename TypeParam::Response response;
  int answers = 0;
  while (stream->calls->Read(&response)) answers += response.has_file_descriptor_response() ? 1 : 0;
  writer.join();
  EXPECT_TRUE(stream->calls->Finish().ok());
  EXPECT_EQ(answers, kQuestions);
}

TYPED_TEST(DoorReflection, RefusesAQuestionThatIsTooLong) {
  const auto stream = this->Open();
  typename TypeParam::Request request;
  request.set_file_containing_symbol(std::string(100'000, 'x'));
  stream->calls->Write(request);
  EXPECT_EQ(stream->End().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TYPED_TEST(DoorReflection, EndsAtItsDeadline) {
  const auto stream = std::make_unique<typename DoorReflection<TypeParam>::Stream>();
  stream->context.AddMetadata("grpc-timeout", "20m");
  stream->calls = this->stub_->ServerReflectionInfo(&stream->context);
  EXPECT_EQ(stream->calls->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
}

using DoorReflectionV1 = DoorReflection<V1>;

TEST_F(DoorReflectionV1, AnswersGrpcWeb) {
  testing::RawClient client(gateway_->address().ToString());
  client.Send("POST", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
              "content-type: application/grpc-web+proto\r\n", std::string("\0\0\0\0\3\x3a\1*", 8));
  const auto response = client.Receive();
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, HasSubstr(kSecond));
  EXPECT_THAT(response.body, HasSubstr("grpc-status: 0"));
}

}  // namespace
}  // namespace stratus::gateway
