#include "lib/rpc/server.h"

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/core/status.h"
#include "lib/rpc/call_metrics.h"
#include "lib/rpc/call_observer.h"
#include "lib/rpc/callback_polling.h"
#include "lib/rpc/testing/server_fixture.h"

namespace stratus::rpc {
namespace {

using ::testing::AnyOf;
using testing::EchoCall;
using testing::EchoRequest;
using testing::EchoResponse;
using testing::Event;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

using ServerTest = testing::ServerFixture;

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
  // gRPC 1.51 cancels a call that comes in at the very moment the shutdown starts.
  EXPECT_THAT(late.error_code(), AnyOf(grpc::StatusCode::UNAVAILABLE, grpc::StatusCode::CANCELLED));
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
