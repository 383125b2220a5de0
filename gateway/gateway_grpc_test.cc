// gRPC at the door: calls of all four kinds are passed through.
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "gateway/testing/gateway_fixture.h"
#include "google/rpc/status.pb.h"

namespace stratus::gateway {
namespace {

using ::testing::HasSubstr;
using testing::v1::Item;
using testing::v1::StreamRequest;
using GatewayGrpcTest = testing::GatewayFixture;

TEST_F(GatewayGrpcTest, PassesUnaryCallsThrough) {
  Start();
  auto stub = Stub();
  grpc::ClientContext context;
  context.AddMetadata("x-custom-bin", std::string("\0\1\2", 3));
  context.AddMetadata("x-stratus-tenant", "evil");
  Item reply;
  ASSERT_TRUE(stub->Metadata(&context, Item(), &reply).ok());
  EXPECT_EQ(reply.labels().at("x-custom-bin"), std::string("\0\1\2", 3));
  EXPECT_EQ(reply.labels().count("x-stratus-tenant"), 0u);
  EXPECT_EQ(reply.labels().at("x-forwarded-for"), "127.0.0.1");
}

TEST_F(GatewayGrpcTest, PassesErrorsWithDetailsThrough) {
  Start();
  auto stub = Stub();
  grpc::ClientContext context;
  testing::v1::FailRequest request;
  request.set_code(9);
  request.set_message("100% không");
  Item reply;
  const grpc::Status status = stub->Fail(&context, request, &reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(status.error_message(), "100% không");
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.details_size(), 2);
}

TEST_F(GatewayGrpcTest, PassesAllKindsOfStreamsThrough) {
  Start();
  auto stub = Stub();
  {
    grpc::ClientContext context;
    StreamRequest request;
    request.set_count(500);
    request.set_size(5000);
    auto reader = stub->Stream(&context, request);
    Item item;
    int count = 0;
    while (reader->Read(&item)) EXPECT_EQ(item.count(), count++);
    EXPECT_TRUE(reader->Finish().ok());
    EXPECT_EQ(count, 500);
  }
  {
    grpc::ClientContext context;
    Item item, reply;
    item.set_name(std::string(20'000, 'x'));
    auto writer = stub->Collect(&context, &reply);
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(writer->Write(item));
    writer->WritesDone();
    EXPECT_TRUE(writer->Finish().ok());
    EXPECT_EQ(reply.count(), 200);
  }
  {
    grpc::ClientContext context;
    auto chat = stub->Chat(&context);
    Item item;
    for (int i = 0; i < 20; ++i) {
      item.set_count(i);
      ASSERT_TRUE(chat->Write(item));
      ASSERT_TRUE(chat->Read(&item));
      EXPECT_EQ(item.count(), i);
    }
    chat->WritesDone();
    EXPECT_TRUE(chat->Finish().ok());
  }
}

TEST_F(GatewayGrpcTest, CarriesDeadlineAndCancellationOfGrpcCalls) {
  Start();
  auto stub = Stub();
  Item reply;
  {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(100));
    EXPECT_EQ(stub->Wait(&context, Item(), &reply).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  }
  while (server_.cancelled() != server_.waiting()) std::this_thread::yield();
  const int before = server_.waiting();
  grpc::ClientContext context;
  std::thread canceller([&] {
    while (server_.waiting() == before) std::this_thread::yield();
    context.TryCancel();
  });
  EXPECT_EQ(stub->Wait(&context, Item(), &reply).error_code(), grpc::StatusCode::CANCELLED);
  canceller.join();
  while (server_.cancelled() != server_.waiting()) std::this_thread::yield();
}

TEST_F(GatewayGrpcTest, SaysThatItIsGoingWhileItServes) {
  Start();
  const auto channel = grpc::CreateChannel(address(), grpc::InsecureChannelCredentials());
  const auto check = [&channel](std::string* reply) {
    grpc::ClientContext context;
    grpc::GenericStub stub(channel);
    grpc::CompletionQueue queue;
    grpc::ByteBuffer request, response;
    auto call = stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", request, &queue);
    call->StartCall();
    grpc::Status status;
    call->Finish(&response, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    grpc::Slice slice;
    if (status.ok() && response.DumpToSingleSlice(&slice).ok()) {
      reply->assign(reinterpret_cast<const char*>(slice.begin()), slice.size());
    }
    return status;
  };
  EXPECT_EQ(client_->Get("/health").status, 200);
  gateway_->AnnounceDrain();
  // It is said on the worker's thread, a moment later.
  testing::RawResponse health = client_->Get("/health");
  while (health.status == 200) health = client_->Get("/health");
  EXPECT_EQ(health.status, 503);
  EXPECT_EQ(health.body, R"({"status":"draining"})");
  std::string reply;
  ASSERT_TRUE(check(&reply).ok());
  EXPECT_EQ(reply, "\x08\x02");
  Item item;
  grpc::ClientContext context;
  EXPECT_TRUE(Stub()->Metadata(&context, Item(), &item).ok());
  EXPECT_EQ(client_->Get("/t/items/1").status, 200);
}

TEST_F(GatewayGrpcTest, CallsUnknownMethodsUnimplemented) {
  Start();
  grpc::ClientContext context;
  auto channel = grpc::CreateChannel(address(), grpc::InsecureChannelCredentials());
  grpc::TemplatedGenericStub<Item, Item> stub(channel);
  grpc::CompletionQueue queue;
  auto call = stub.PrepareUnaryCall(&context, "/no.such.Service/Method", Item(), &queue);
  call->StartCall();
  Item reply;
  grpc::Status status;
  call->Finish(&reply, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(status.error_message(), HasSubstr("unknown method"));
}

}  // namespace
}  // namespace stratus::gateway
