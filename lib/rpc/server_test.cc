#include "lib/rpc/server.h"

#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"
#include "lib/core/status.h"
#include "lib/rpc/call_metrics.h"
#include "lib/rpc/call_observer.h"
#include "lib/rpc/callback_polling.h"
#include "lib/rpc/testing/echo_service.h"

namespace stratus::rpc {
namespace {

using testing::EchoCall;
using testing::EchoRequest;
using testing::EchoResponse;
using testing::EchoService;
using testing::EchoStreamCall;
using ::testing::ElementsAre;
using testing::FakeAuthenticator;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

// A promise that may be kept more than once and asked about from any thread.
class Event {
 public:
  void Set() {
    const std::lock_guard lock(mutex_);
    set_ = true;
    changed_.notify_all();
  }
  void Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return set_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;
};

class ServerTest : public ::testing::Test {
 protected:
  // Starts the server on a free port, with whatever `options_` and `service_` were set to before.
  void Start() {
    if (options_.listen.empty()) options_.listen = {*core::ParseAddress("127.0.0.1:0")};
    options_.AddService<testing::v1::EchoService>(&service_);
    if (!options_.authentication_off) options_.authenticator = authenticator_;
    absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(options_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    stub_ = testing::v1::EchoService::NewStub(Channel(server_->addresses()[0]));
  }

  static std::shared_ptr<grpc::Channel> Channel(const std::string& address) {
    return grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  }

  static void Authorize(grpc::ClientContext* context, const std::string& token) {
    if (!token.empty()) context->AddMetadata("authorization", absl::StrCat("Bearer ", token));
  }

  grpc::Status Echo(const std::string& token, EchoResponse* response = nullptr) {
    grpc::ClientContext context;
    Authorize(&context, token);
    EchoRequest request;
    request.set_text("hello");
    EchoResponse unused;
    return stub_->Echo(&context, request, response == nullptr ? &unused : response);
  }

  grpc::Status EchoStream(const std::string& token, std::vector<std::string>* texts = nullptr) {
    grpc::ClientContext context;
    Authorize(&context, token);
    const auto reader = stub_->EchoStream(&context, EchoRequest());
    EchoResponse response;
    while (reader->Read(&response)) {
      if (texts != nullptr) texts->push_back(response.text());
    }
    return reader->Finish();
  }

  EchoService service_;
  std::shared_ptr<FakeAuthenticator> authenticator_ = std::make_shared<FakeAuthenticator>();
  ServerOptions options_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<testing::v1::EchoService::Stub> stub_;
};

TEST_F(ServerTest, EntersTheHandlerWithAGoodToken) {
  Start();
  EchoResponse response;
  EXPECT_TRUE(Echo("good", &response).ok());
  EXPECT_EQ(response.text(), "hello");
  EXPECT_EQ(service_.entered(), 1);
}

TEST_F(ServerTest, FinishesARefusedCallBeforeTheHandler) {
  Start();
  EXPECT_EQ(Echo("").error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Echo("forged").error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Echo("narrow").error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(EchoStream("").error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(EchoStream("narrow").error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(service_.entered(), 0);
}

TEST_F(ServerTest, RefusesTwoAuthorizationValuesEvenIfOneIsGood) {
  Start();
  grpc::ClientContext context;
  Authorize(&context, "good");
  Authorize(&context, "forged");
  EchoResponse response;
  EXPECT_EQ(stub_->Echo(&context, EchoRequest(), &response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(service_.entered(), 0);
}

TEST_F(ServerTest, DeniesAMethodWithoutAuthorizationEvenToAGoodToken) {
  Start();
  grpc::ClientContext context;
  Authorize(&context, "good");
  EchoResponse response;
  EXPECT_EQ(stub_->Undeclared(&context, EchoRequest(), &response).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(service_.entered(), 0);
  EXPECT_THAT(server_->denied_methods(), ElementsAre("/stratus.rpc.testing.v1.EchoService/Undeclared"));
}

TEST_F(ServerTest, HoldsACallWhileKeysAreFetchedAndThenDecides) {
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

TEST_F(ServerTest, TellsTheHandlerWhoCallsAndUntilWhen) {
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

TEST_F(ServerTest, MakesARequestIdWhereTheCallersIsUnfitForALog) {
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

TEST_F(ServerTest, CarriesErrorDetailsAndMetadata) {
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

TEST_F(ServerTest, FinishesACallThatItsHandlerDropped) {
  service_.on_echo = [](EchoCall) {};
  service_.on_stream = [](EchoStreamCall) {};
  Start();
  EXPECT_EQ(Echo("good").error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_EQ(EchoStream("good").error_code(), grpc::StatusCode::INTERNAL);
}

TEST_F(ServerTest, CountsOnlyTheFirstFinish) {
  service_.on_echo = [](EchoCall call) {
    call->Finish(absl::NotFoundError("first"));
    call->Finish(absl::OkStatus());
  };
  Start();
  EXPECT_EQ(Echo("good").error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ServerTest, HandlersMayFinishLaterFromAnotherThread) {
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

TEST_F(ServerTest, TellsTheHandlerThatTheCallerWentAway) {
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

TEST_F(ServerTest, CancelsACallWhoseDeadlinePassed) {
  Event cancelled;
  service_.on_echo = [&](EchoCall call) {
    call->OnCancel([&, call] {
      call->Finish(absl::DeadlineExceededError("too late"));
      cancelled.Set();
    });
  };
  Start();
  grpc::ClientContext context;
  Authorize(&context, "good");
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(50));
  EchoResponse response;
  EXPECT_EQ(stub_->Echo(&context, EchoRequest(), &response).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  cancelled.Wait();
}

TEST_F(ServerTest, StreamsOneWriteAtATime) {
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

TEST_F(ServerTest, AStreamMayEndWhileAnotherThreadWrites) {
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

TEST_F(ServerTest, ListensOnTcpAndUnixSocketsAtOnce) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/rpc_test.", getpid(), ".sock");
  options_.listen = {*core::ParseAddress("127.0.0.1:0"), *core::ParseAddress(absl::StrCat("unix:", path))};
  Start();
  ASSERT_EQ(server_->addresses().size(), 2u);
  EXPECT_THAT(server_->addresses()[0], ::testing::Not(HasSubstr(":0")));
  for (const std::string& address : server_->addresses()) {
    stub_ = testing::v1::EchoService::NewStub(Channel(address));
    EXPECT_TRUE(Echo("good").ok()) << address;
  }
}

TEST_F(ServerTest, NamesAnAddressThatIsInUse) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/rpc_busy.", getpid(), ".sock");
  options_.listen = {*core::ParseAddress("127.0.0.1:0"), *core::ParseAddress(absl::StrCat("unix:", path))};
  Start();
  for (const std::string& address : server_->addresses()) {
    ServerOptions second;
    second.listen = {*core::ParseAddress(address)};
    second.authentication_off = true;
    const absl::Status status = Server::Start(std::move(second)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(std::string(status.message()), HasSubstr(address));
  }
}

TEST_F(ServerTest, WillNotRunWithoutAuthenticationByOversight) {
  ServerOptions options;
  options.listen = {*core::ParseAddress("127.0.0.1:0")};
  EXPECT_EQ(Server::Start(std::move(options)).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ServerTest, WithAuthenticationOffEveryMethodIsOpen) {
  options_.authentication_off = true;
  Start();
  EXPECT_TRUE(Echo("").ok());
}

TEST_F(ServerTest, RefusesAServiceOfAnotherApi) {
  testing::v1::EchoService::Service synchronous;
  options_.AddService<testing::v1::EchoService>(&synchronous);
  options_.listen = {*core::ParseAddress("127.0.0.1:0")};
  options_.authentication_off = true;
  EXPECT_EQ(Server::Start(options_).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ServerTest, RefusesAMessageOverTheLimit) {
  options_.limits.message_bytes_max = 1000;
  Start();
  grpc::ClientContext context;
  Authorize(&context, "good");
  EchoRequest request;
  request.set_text(std::string(2000, 'x'));
  EchoResponse response;
  EXPECT_EQ(stub_->Echo(&context, request, &response).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(service_.entered(), 0);
}

TEST_F(ServerTest, ADrainLetsCallsUnderWayEndAndTakesNoMore) {
  core::Mutex mutex;
  std::vector<EchoCall> calls;
  Event all_in;
  constexpr size_t kCalls = 8;
  service_.on_echo = [&](EchoCall call) {
    core::MutexLock lock(mutex);
    calls.push_back(std::move(call));
    if (calls.size() == kCalls) all_in.Set();
  };
  Start();
  std::vector<std::thread> callers;
  std::atomic<int> answered{0};
  for (size_t i = 0; i < kCalls; ++i) {
    callers.emplace_back([&] { answered += Echo("good").ok() ? 1 : 0; });
  }
  all_in.Wait();
  std::thread drainer([&] { server_->Drain(absl::Minutes(1)); });
  // The listener closes first; from then on a new connection finds nobody.
  grpc::Status late;
  do {
    const auto stub = testing::v1::EchoService::NewStub(
        grpc::CreateCustomChannel(server_->addresses()[0], grpc::InsecureChannelCredentials(), [] {
          grpc::ChannelArguments fresh;
          fresh.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
          return fresh;
        }()));
    grpc::ClientContext context;
    EchoResponse response;
    late = stub->Echo(&context, EchoRequest(), &response);
  } while (late.error_code() == grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(late.error_code(), grpc::StatusCode::UNAVAILABLE);
  {
    core::MutexLock lock(mutex);
    for (const EchoCall& call : calls) call->Finish(absl::OkStatus());
    calls.clear();
  }
  for (std::thread& caller : callers) caller.join();
  drainer.join();
  EXPECT_EQ(answered.load(), static_cast<int>(kCalls));
}

TEST_F(ServerTest, ADrainThatRunsOutOfPatienceCancels) {
  Event entered;
  service_.on_echo = [&](EchoCall call) {
    call->OnCancel([call] { call->Finish(absl::UnavailableError("the server stops")); });
    entered.Set();
  };
  Start();
  grpc::Status status;
  std::thread caller([&] { status = Echo("good"); });
  entered.Wait();
  server_->Drain(absl::ZeroDuration());
  caller.join();
  EXPECT_FALSE(status.ok());
}

// What keeps the first call after a pause from waiting (callback_polling.h); rpc_idle_bench measures that it does.
TEST_F(ServerTest, KeepsOneThreadOnTheCallbackQueueHoweverManyServersThereAre) {
  Start();
  ServerOptions second;
  second.listen = {*core::ParseAddress("127.0.0.1:0")};
  second.authentication_off = true;
  ASSERT_TRUE(Server::Start(std::move(second)).ok());
  // The thread names itself when it first runs; a call that was answered does not prove that it has.
  int threads = 0;
  while (threads == 0) {
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
      std::string name;
      std::getline(std::ifstream(task.path() / "comm"), name);
      threads += name == kCallbackThreadName ? 1 : 0;
    }
  }
  EXPECT_EQ(threads, 1);
}

class RecordingObserver final : public CallObserver {
 public:
  void OnCallStart(std::string_view) override { started_.fetch_add(1); }
  void OnCallDone(const CallRecord& record) override {
    core::MutexLock lock(mutex_);
    done_.push_back(absl::StrCat(core::ToAbsl(record.method), " ", static_cast<int>(record.code)));
    changed_.NotifyAll();
  }
  std::vector<std::string> WaitForDone(size_t count) {
    core::MutexLock lock(mutex_);
    while (done_.size() < count) changed_.Wait(lock);
    return done_;
  }
  int started() const { return started_.load(); }

 private:
  std::atomic<int> started_{0};
  core::Mutex mutex_;
  core::CondVar changed_;
  std::vector<std::string> done_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(ServerTest, ReportsEveryCallToTheObserver) {
  RecordingObserver observer;
  options_.observer = &observer;
  Start();
  EXPECT_TRUE(Echo("good").ok());
  EXPECT_FALSE(Echo("").ok());
  EXPECT_FALSE(EchoStream("narrow").ok());
  const std::string service = "/stratus.rpc.testing.v1.EchoService/";
  EXPECT_THAT(observer.WaitForDone(3),
              UnorderedElementsAre(service + "Echo 0", service + "Echo 16", service + "EchoStream 7"));
  EXPECT_EQ(observer.started(), 3);
  server_.reset();
}

TEST_F(ServerTest, CountsCalls) {
  telemetry::Metrics metrics;
  CallMetrics observer(metrics);
  options_.observer = &observer;
  Start();
  EXPECT_TRUE(Echo("good").ok());
  EXPECT_FALSE(Echo("").ok());
  server_.reset();  // every call has been reported then
  const std::string text = metrics.Scrape();
  const std::string echo = "method=\"/stratus.rpc.testing.v1.EchoService/Echo\"} ";
  EXPECT_THAT(text, HasSubstr("stratus_rpc_started_total{" + echo + "2\n"));
  EXPECT_THAT(text, HasSubstr("stratus_rpc_handled_total{code=\"OK\"," + echo + "1\n"));
  EXPECT_THAT(text, HasSubstr("stratus_rpc_handled_total{code=\"UNAUTHENTICATED\"," + echo + "1\n"));
  EXPECT_THAT(text, HasSubstr("stratus_rpc_in_flight 0\n"));
}

}  // namespace
}  // namespace stratus::rpc
