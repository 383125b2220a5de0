#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "lib/core/status.h"
#include "lib/rpc/status.h"
#include "lib/rpc/testing/server_fixture.h"

namespace stratus::rpc {
namespace {

using testing::EchoCall;
using testing::EchoRequest;
using testing::EchoResponse;
using testing::EchoStreamCall;
using ::testing::ElementsAre;
using testing::Event;

using CallTest = testing::ServerFixture;

TEST_F(CallTest, EntersTheHandlerWithAGoodToken) {
  Start();
  EchoResponse response;
  EXPECT_TRUE(Echo("good", &response).ok());
  EXPECT_EQ(response.text(), "hello");
  EXPECT_EQ(service_.entered(), 1);
}

TEST_F(CallTest, FinishesARefusedCallBeforeTheHandler) {
  Start();
  EXPECT_EQ(Echo("").error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Echo("forged").error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Echo("narrow").error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(EchoStream("").error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(EchoStream("narrow").error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(service_.entered(), 0);
}

TEST_F(CallTest, RefusesTwoAuthorizationValuesEvenIfOneIsGood) {
  Start();
  grpc::ClientContext context;
  Authorize(&context, "good");
  Authorize(&context, "forged");
  EchoResponse response;
  EXPECT_EQ(stub_->Echo(&context, EchoRequest(), &response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(service_.entered(), 0);
}

TEST_F(CallTest, DeniesAMethodWithoutAuthorizationEvenToAGoodToken) {
  Start();
  grpc::ClientContext context;
  Authorize(&context, "good");
  EchoResponse response;
  EXPECT_EQ(stub_->Undeclared(&context, EchoRequest(), &response).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(service_.entered(), 0);
  EXPECT_THAT(server_->denied_methods(), ElementsAre("/stratus.rpc.testing.v1.EchoService/Undeclared"));
}

TEST_F(CallTest, HoldsACallWhileKeysAreFetchedAndThenDecides) {
  Start();
  grpc::Status admitted, refused;
  std::thread first([&] { admitted = Echo("later"); });
  authenticator_->Release(1, /*good=*/true);
  first.join();
  EXPECT_TRUE(admitted.ok()) << admitted.error_message();
  std::thread second([&] { refused = EchoStream("later"); });
  authenticator_->Release(1, /*good=*/false);
  second.join();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(service_.entered(), 1);
}

TEST_F(CallTest, TellsTheHandlerWhoCallsAndUntilWhen) {
  const auto deadline = std::chrono::system_clock::now() + std::chrono::hours(1);
  std::string tenant, client, method, trace, request_id;
  absl::Duration left;
  service_.on_echo = [&](EchoCall call) {
    tenant = call->tenant();
    client = call->principal()->client_id;
    method = call->method();
    trace = call->trace().trace_id();
    request_id = call->request_id();
    left = call->deadline() - absl::FromChrono(deadline);
    call->Finish(absl::OkStatus());
  };
  Start();
  grpc::ClientContext context;
  Authorize(&context, "good");
  context.AddMetadata("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  context.AddMetadata("x-request-id", "order-66");
  context.set_deadline(deadline);
  EchoResponse response;
  ASSERT_TRUE(stub_->Echo(&context, EchoRequest(), &response).ok());
  EXPECT_EQ(tenant, "tenant-1");
  EXPECT_EQ(client, "client-1");
  EXPECT_EQ(method, "/stratus.rpc.testing.v1.EchoService/Echo");
  EXPECT_EQ(trace, "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(request_id, "order-66");
  EXPECT_LT(absl::AbsDuration(left), absl::Minutes(1));
}

TEST_F(CallTest, MakesARequestIdWhereTheCallersIsUnfitForALog) {
  std::string request_id;
  service_.on_echo = [&](EchoCall call) {
    request_id = call->request_id();
    call->Finish(absl::OkStatus());
  };
  Start();
  grpc::ClientContext context;
  Authorize(&context, "good");
  context.AddMetadata("x-request-id", "two words\"}");
  EchoResponse response;
  ASSERT_TRUE(stub_->Echo(&context, EchoRequest(), &response).ok());
  EXPECT_EQ(request_id.size(), 32u);
}

TEST_F(CallTest, CarriesErrorDetailsAndMetadata) {
  service_.on_echo = [](EchoCall call) {
    call->SetHttpStatus(201);
    call->AddTrailingMetadata("x-trailer", "last");
    call->Finish(core::InvalidField("location.latitude", "must be within -90..90"));
  };
  Start();
  grpc::ClientContext context;
  Authorize(&context, "good");
  EchoResponse response;
  const absl::Status status = FromGrpc(stub_->Echo(&context, EchoRequest(), &response));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  google::rpc::BadRequest violations;
  ASSERT_TRUE(core::GetDetail(status, &violations));
  EXPECT_EQ(violations.field_violations(0).field(), "location.latitude");
  EXPECT_EQ(context.GetServerInitialMetadata().find("x-http-status")->second, "201");
  EXPECT_EQ(context.GetServerTrailingMetadata().find("x-trailer")->second, "last");
}

TEST_F(CallTest, FinishesACallThatItsHandlerDropped) {
  service_.on_echo = [](EchoCall) {};
  service_.on_stream = [](EchoStreamCall) {};
  Start();
  EXPECT_EQ(Echo("good").error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_EQ(EchoStream("good").error_code(), grpc::StatusCode::INTERNAL);
}

TEST_F(CallTest, CountsOnlyTheFirstFinish) {
  service_.on_echo = [](EchoCall call) {
    call->Finish(absl::NotFoundError("first"));
    call->Finish(absl::OkStatus());
  };
  Start();
  EXPECT_EQ(Echo("good").error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(CallTest, HandlersMayFinishLaterFromAnotherThread) {
  std::thread later;
  service_.on_echo = [&](EchoCall call) {
    later = std::thread([call] {
      call->response().set_text("later");
      call->Finish(absl::OkStatus());
    });
  };
  Start();
  EchoResponse response;
  EXPECT_TRUE(Echo("good", &response).ok());
  later.join();
  EXPECT_EQ(response.text(), "later");
}

TEST_F(CallTest, TellsTheHandlerThatTheCallerWentAway) {
  Event entered, cancelled;
  bool seen = false;
  service_.on_echo = [&](EchoCall call) {
    call->OnCancel([&, call] {
      seen = call->cancelled();
      call->Finish(absl::CancelledError(""));
      cancelled.Set();
    });
    entered.Set();
  };
  Start();
  grpc::ClientContext context;
  Authorize(&context, "good");
  std::thread canceller([&] {
    entered.Wait();
    context.TryCancel();
  });
  EchoResponse response;
  EXPECT_EQ(stub_->Echo(&context, EchoRequest(), &response).error_code(), grpc::StatusCode::CANCELLED);
  canceller.join();
  cancelled.Wait();
  EXPECT_TRUE(seen);
}

TEST_F(CallTest, CancelsACallWhoseDeadlinePassed) {
  Event cancelled;
  service_.on_echo = [&](EchoCall call) {
    call->OnCancel([&, call] {
      call->Finish(absl::DeadlineExceededError("too late"));
      cancelled.Set();
    });
  };
  Start();
  // On a busy machine the time may be up before the handler has the call: then the next one gets more.
  for (std::chrono::milliseconds time(50); service_.entered() == 0; time *= 2) {
    grpc::ClientContext context;
    Authorize(&context, "good");
    context.set_deadline(std::chrono::system_clock::now() + time);
    EchoResponse response;
    EXPECT_EQ(stub_->Echo(&context, EchoRequest(), &response).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  }
  cancelled.Wait();
  server_.reset();  // with every call that came too late
}

TEST_F(CallTest, StreamsOneWriteAtATime) {
  std::atomic<int> refused{0};
  std::function<void(EchoStreamCall, int)> write = [&](EchoStreamCall call, int n) {
    if (n == 100) return call->Finish(absl::OkStatus());
    EchoResponse response;
    response.set_text(absl::StrCat(n));
    EXPECT_TRUE(call->Write(response, [&write, call, n](bool sent) {
      if (sent) write(call, n + 1);
    }));
  };
  service_.on_stream = [&](EchoStreamCall call) {
    write(call, 0);
    // The handler has not returned, so gRPC cannot have taken the first message yet.
    if (!call->Write(EchoResponse(), nullptr)) ++refused;
  };
  Start();
  std::vector<std::string> texts;
  EXPECT_TRUE(EchoStream("good", &texts).ok());
  ASSERT_EQ(texts.size(), 100u);
  EXPECT_EQ(texts[99], "99");
  EXPECT_EQ(refused.load(), 1);
}

TEST_F(CallTest, AStreamMayEndWhileAnotherThreadWrites) {
  std::vector<std::thread> threads;
  service_.on_stream = [&](EchoStreamCall call) {
    threads.emplace_back([call] {
      while (!call->cancelled() && (call->Write(EchoResponse(), nullptr) || call->writing())) {
      }
    });
    threads.emplace_back([call] { call->Finish(absl::OkStatus()); });
  };
  Start();
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(EchoStream("good").ok());
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace stratus::rpc
