// Which endpoints get calls: balancing, discovery, health checks, ejection, draining.
#include <gmock/gmock.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gateway/testing/shapes_server.h"
#include "gateway/upstream/cluster_fixture.h"
#include "lib/core/status.h"

namespace stratus::gateway::upstream {
namespace {

using Way = Server::Way;

// A name server on the loop that says what the test tells it to.
struct Names {
  absl::StatusOr<std::vector<EndpointAddress>> found = std::vector<EndpointAddress>();
  int asked = 0;

  void Set(std::initializer_list<const Server*> servers) {
    std::vector<EndpointAddress> all;
    for (const Server* server : servers) {
      const core::Address address = *core::ParseAddress(server->address());
      all.push_back(*LiteralEndpoint(address.host, address.port));
    }
    found = std::move(all);
  }
};

class TestResolver final : public Resolver {
 public:
  TestResolver(boost::asio::io_context& io, std::shared_ptr<Names> names) : io_(io), names_(std::move(names)) {}
  void Resolve(const std::string&, uint16_t, Done done) override {
    ++names_->asked;
    boost::asio::post(io_, [done = std::move(done), names = names_, alive = std::weak_ptr<char>(alive_)] {
      if (!alive.expired()) done(names->found);
    });
  }

 private:
  boost::asio::io_context& io_;
  std::shared_ptr<Names> names_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

class EndpointsTest : public ClusterTest {
 protected:
  EndpointsTest() {
    options_.backoff_min = absl::Milliseconds(5);
    options_.backoff_max = absl::Milliseconds(10);
    options_.resolve_pause = absl::ZeroDuration();
    options_.outlier.consecutive_failures = 0;
  }

  void ConnectTo(std::initializer_list<const Server*> servers) {
    for (const Server* server : servers) {
      if (server != *servers.begin()) options_.more_addresses.push_back(*core::ParseAddress(server->address()));
    }
    Connect((*servers.begin())->address(), options_);
  }

  void ConnectByName() {
    options_.resolver = [names = names_](boost::asio::io_context& io) {
      return std::make_unique<TestResolver>(io, names);
    };
    Connect("servers.test:1", options_);
  }

  // One call from start to end: who answered, or the name of the code.
  std::string CallOne() {
    Recorder recorder;
    Start(&recorder, "Echo", Framed(google::protobuf::Any()), 10'000'000'000);
    Finish(recorder);
    if (!recorder.status.has_value()) return "no end";
    return recorder.status->ok() ? recorder.head["x-server"] : absl::StatusCodeToString(recorder.status->code());
  }

  // Calls until every endpoint is connected.
  void Warm(size_t endpoints) {
    RunUntil([&] {
      CallOne();
      return stats_->connections.value() == endpoints;
    });
  }

  std::map<std::string, int> CallMany(int count) {
    std::map<std::string, int> answered;
    for (int i = 0; i < count; ++i) ++answered[CallOne()];
    return answered;
  }

  uint64_t InState(EndpointState state) const { return stats_->endpoints[static_cast<size_t>(state)].value(); }

  ClusterOptions options_;
  std::shared_ptr<Names> names_ = std::make_shared<Names>();
};

TEST_F(EndpointsTest, RoundRobinGivesEachTheSame) {
  Server a("a"), b("b"), c("c");
  ConnectTo({&a, &b, &c});
  Warm(3);
  EXPECT_EQ(CallMany(9), (std::map<std::string, int>{{"a", 3}, {"b", 3}, {"c", 3}}));
  EXPECT_EQ(InState(EndpointState::kServing), 3u);
}

TEST_F(EndpointsTest, LeastRequestAvoidsTheOneThatHangs) {
  Server a("a"), b("b");
  options_.balancing = Balancing::kLeastRequest;
  ConnectTo({&a, &b});
  Warm(2);
  a.Set(Way::kSilent);
  const int before = a.calls();
  std::vector<std::unique_ptr<Recorder>> started;
  while (a.calls() == before) {
    started.push_back(std::make_unique<Recorder>());
    Start(started.back().get(), "Echo", "");
    RunUntil([&] { return started.back()->status.has_value() || a.calls() > before; });
  }
  EXPECT_EQ(CallMany(20), (std::map<std::string, int>{{"b", 20}}));
}

TEST_F(EndpointsTest, ACallGoesToWhicheverEndpointCanBeReached) {
  std::string gone_address;
  {
    Server gone("gone");
    gone_address = gone.address();
  }
  Server here("here");
  options_.more_addresses.push_back(*core::ParseAddress(here.address()));
  Connect(gone_address, options_);
  EXPECT_EQ(CallMany(10), (std::map<std::string, int>{{"here", 10}}));
  EXPECT_EQ(InState(EndpointState::kUnreachable), 1u);
  EXPECT_GT(stats_->connect_failures.value(), 0u);
}

TEST_F(EndpointsTest, CallsThatWaitAtAFullEndpointTakeAnotherThatComesBack) {
  const std::string one_stream("\x00\x03\x00\x00\x00\x01", 6);  // MAX_CONCURRENT_STREAMS 1
  testing::RawH2Server full([](int, uint32_t) { return std::string(); }, testing::Frame(4, 0, 0, one_stream));
  std::string address;
  {
    Server gone("gone");
    address = gone.address();
  }
  options_.more_addresses.push_back(*core::ParseAddress(address));
  Connect(full.address(), options_);
  Recorder hangs;
  Start(&hangs, "Echo", "");
  RunUntil([&] { return stats_->streams.value() == 1 && stats_->connect_failures.value() > 0; });
  // The limit is known once the server's SETTINGS have been read: then calls wait.
  std::vector<std::unique_ptr<Recorder>> waiting;
  RunUntil([&] {
    waiting.push_back(std::make_unique<Recorder>());
    Start(waiting.back().get(), "Echo", "");
    io_.run_for(std::chrono::milliseconds(2));
    return stats_->waiting.value() > 1;
  });
  testing::ShapesServer back(address);
  RunUntil([&] {
    waiting.push_back(std::make_unique<Recorder>());
    Start(waiting.back().get(), "Echo", Framed(google::protobuf::Any()), 20'000'000'000);
    return waiting.back()->status.has_value() || stats_->waiting.value() == 0;
  });
  Finish(*waiting.back());
  EXPECT_TRUE(waiting.back()->status->ok()) << *waiting.back()->status;
}

TEST_F(EndpointsTest, FindsEndpointsThatCome) {
  Server a("a"), b("b");
  options_.resolve_interval = absl::Milliseconds(5);
  names_->Set({&a});
  ConnectByName();
  EXPECT_EQ(CallOne(), "a");
  names_->Set({&a, &b});
  RunUntil([&] { return CallOne() == "b"; });
}

TEST_F(EndpointsTest, AnEndpointThatGoesEndsItsCallsAndGetsNoMore) {
  Server a("a"), b("b");
  options_.resolve_interval = absl::Milliseconds(5);
  names_->Set({&a});
  ConnectByName();
  EXPECT_EQ(CallOne(), "a");
  a.Set(Way::kHold);
  Recorder under_way;
  Start(&under_way, "Echo", "");
  RunUntil([&] { return a.calls() == 2; });
  names_->Set({&b});
  RunUntil([&] { return InState(EndpointState::kDraining) == 1; });
  EXPECT_FALSE(under_way.status.has_value());
  EXPECT_EQ(CallMany(5), (std::map<std::string, int>{{"b", 5}}));
  a.Set(Way::kAnswer);
  Finish(under_way);
  EXPECT_TRUE(under_way.status->ok()) << *under_way.status;
  RunUntil([&] { return InState(EndpointState::kDraining) == 0; });
  EXPECT_EQ(stats_->connections.value(), 1u);
}

TEST_F(EndpointsTest, ConnectionsThatEndInOrderLoseNoCall) {
  Server staying("staying"), leaving("leaving");
  ConnectTo({&staying, &leaving});
  Warm(2);
  leaving.Set(Way::kLeave);
  std::deque<std::unique_ptr<Recorder>> calls;
  int ended = 0;
  // Thirty calls at any time; not idempotent, so that none is sent twice once a server may have seen it.
  RunUntil([&] {
    while (calls.size() < 30) {
      calls.push_back(std::make_unique<Recorder>());
      Start(calls.back().get(), "Echo", Framed(google::protobuf::Any()), 10'000'000'000);
    }
    while (!calls.empty() && calls.front()->status.has_value()) {
      EXPECT_TRUE(calls.front()->status->ok()) << *calls.front()->status;
      calls.pop_front();
      ++ended;
    }
    return ended > 1000 && leaving.connections() > 10;
  });
  EXPECT_GT(stats_->retries[static_cast<size_t>(RetryReason::kGoAway)].value(), 0u);
}

TEST_F(EndpointsTest, ResolvesAgainWhenNoEndpointCanBeReached) {
  Server moved("moved");
  {
    Server old("old");
    names_->Set({&old});
    ConnectByName();
    EXPECT_EQ(CallOne(), "old");
  }
  names_->Set({&moved});
  RunUntil([&] { return CallOne() == "moved"; });
  EXPECT_GE(names_->asked, 2);
}

TEST_F(EndpointsTest, KeepsItsEndpointsWhileTheNameDoesNotResolve) {
  Server a("a");
  options_.resolve_interval = absl::Milliseconds(2);
  names_->Set({&a});
  ConnectByName();
  EXPECT_EQ(CallOne(), "a");
  names_->found = absl::UnavailableError("no name server");
  RunUntil([&] { return stats_->resolve_failures.value() >= 3; });
  EXPECT_EQ(CallOne(), "a");
}

TEST_F(EndpointsTest, ACallFailsWithTheReasonWhenTheNameDoesNotResolve) {
  names_->found = absl::UnavailableError("there is no such name");
  ConnectByName();
  Recorder recorder;
  Start(&recorder, "Echo", "");
  Finish(recorder);
  EXPECT_EQ(recorder.status->code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(recorder.status->message(), "there is no such name");
}

class HealthTest : public EndpointsTest {
 protected:
  HealthTest() {
    options_.health_check.enabled = true;
    options_.health_check.interval = absl::Milliseconds(10);
    options_.health_check.timeout = absl::Seconds(20);
  }
};

TEST_F(HealthTest, AnEndpointThatDoesNotServeGetsNoCalls) {
  Server a("a"), b("b");
  a.Set(Way::kNotServing);
  ConnectTo({&a, &b});
  RunUntil([&] { return InState(EndpointState::kUnhealthy) == 1; });
  EXPECT_EQ(CallMany(6), (std::map<std::string, int>{{"b", 6}}));
  a.Set(Way::kAnswer);
  RunUntil([&] { return InState(EndpointState::kUnhealthy) == 0; });
  Warm(2);
  EXPECT_EQ(CallMany(6), (std::map<std::string, int>{{"a", 3}, {"b", 3}}));
}

TEST_F(HealthTest, OneBadAnswerIsForgiven) {
  Server a("a"), b("b");
  options_.health_check.unhealthy_threshold = 1000;
  ConnectTo({&a, &b});
  RunUntil([&] { return a.calls() >= 2; });
  a.Set(Way::kNotServing);
  RunUntil([&] { return stats_->health_check_failures.value() >= 3; });
  EXPECT_EQ(InState(EndpointState::kUnhealthy), 0u);
}

TEST_F(HealthTest, AServerWithoutTheHealthServiceCountsAsServing) {
  Server a("a");
  a.Set(Way::kUnimplemented);
  ConnectTo({&a});
  RunUntil([&] { return a.calls() >= 3; });
  EXPECT_EQ(stats_->health_check_failures.value(), 0u);
  EXPECT_EQ(InState(EndpointState::kServing), 1u);
}

TEST_F(HealthTest, ASilentServerIsUnhealthy) {
  Server a("a"), b("b");
  options_.health_check.timeout = absl::Milliseconds(250);
  a.Set(Way::kSilent);
  ConnectTo({&a, &b});
  RunUntil([&] { return InState(EndpointState::kUnhealthy) == 1; });
  EXPECT_EQ(CallOne(), "b");
}

TEST_F(HealthTest, WhenMostAreUnhealthyAllAreUsed) {
  Server a("a"), b("b"), c("c");
  a.Set(Way::kNotServing);
  b.Set(Way::kNotServing);
  ConnectTo({&a, &b, &c});
  RunUntil([&] { return InState(EndpointState::kUnhealthy) == 2; });
  EXPECT_EQ(stats_->panics.value(), 1u);
  Warm(3);
  EXPECT_EQ(CallMany(6), (std::map<std::string, int>{{"a", 2}, {"b", 2}, {"c", 2}}));
}

class OutlierTest : public EndpointsTest {
 protected:
  OutlierTest() {
    options_.outlier.consecutive_failures = 3;
    options_.outlier.ejection_min = absl::Milliseconds(50);
    options_.outlier.ejection_max = absl::Milliseconds(50);
  }
};

TEST_F(OutlierTest, AnEndpointWhoseCallsFailIsEjectedForAWhile) {
  Server a("a"), b("b");
  ConnectTo({&a, &b});
  Warm(2);
  a.Set(Way::kUnavailable);
  int failed = 0;
  RunUntil([&] {
    if (CallOne() == "UNAVAILABLE") ++failed;
    return stats_->ejections.value() == 1;
  });
  EXPECT_EQ(failed, 3);
  EXPECT_EQ(InState(EndpointState::kEjected), 1u);
  a.Set(Way::kAnswer);
  RunUntil([&] { return CallOne() == "a"; });
  EXPECT_EQ(InState(EndpointState::kEjected), 0u);
}

TEST_F(OutlierTest, TheLastEndpointIsNeverEjected) {
  Server a("a");
  a.Set(Way::kUnavailable);
  ConnectTo({&a});
  EXPECT_EQ(CallMany(10)["UNAVAILABLE"], 10);
  EXPECT_EQ(stats_->ejections.value(), 0u);
}

TEST_F(OutlierTest, NoMoreThanTheirShareAreEjected) {
  Server a("a"), b("b"), c("c"), d("d");
  options_.outlier.ejection_min = options_.outlier.ejection_max = absl::Seconds(60);
  ConnectTo({&a, &b, &c, &d});
  Warm(4);
  for (Server* server : {&a, &b, &c, &d}) server->Set(Way::kUnavailable);
  EXPECT_EQ(CallMany(60)["UNAVAILABLE"], 60);
  EXPECT_EQ(stats_->ejections.value(), 2u);
}

// A server that has stopped: its kernel takes what is sent to it.
class SilenceTest : public EndpointsTest {
 protected:
  SilenceTest() {
    options_.keepalive_interval = absl::ZeroDuration();
    options_.outlier.consecutive_timeouts = 3;
    options_.outlier.timeout_min = absl::Milliseconds(10);
    options_.outlier.ejection_min = options_.outlier.ejection_max = absl::Seconds(60);
  }

  std::string CallFor(absl::Duration time, bool idempotent = false) {
    Recorder recorder;
    recorder.idempotent = idempotent;
    Start(&recorder, "Echo", Framed(google::protobuf::Any()), absl::ToInt64Nanoseconds(time));
    Finish(recorder);
    if (!recorder.status.has_value()) return "no end";
    return recorder.status->ok() ? recorder.head["x-server"] : absl::StatusCodeToString(recorder.status->code());
  }
};

TEST_F(SilenceTest, AnEndpointThatLetsCallsTimeOutIsEjected) {
  Server stopped("stopped"), good("good");
  ConnectTo({&stopped, &good});
  Warm(2);
  stopped.Set(Way::kSilent);
  int late = 0;
  RunUntil([&] {
    late += CallFor(absl::Milliseconds(100)) == "DEADLINE_EXCEEDED" ? 1 : 0;
    return stats_->ejections.value() == 1;
  });
  EXPECT_GE(late, 3);
  EXPECT_EQ(CallMany(10), (std::map<std::string, int>{{"good", 10}}));
}

TEST_F(SilenceTest, ClientsInAHurryEjectNobody) {
  Server slow("slow"), good("good");
  options_.outlier.timeout_min = absl::Seconds(60);
  ConnectTo({&slow, &good});
  Warm(2);
  slow.Set(Way::kSilent);
  int late = 0;
  while (late < 10) late += CallFor(absl::Milliseconds(20)) == "DEADLINE_EXCEEDED" ? 1 : 0;
  EXPECT_EQ(stats_->ejections.value(), 0u);
}

// The server can say nothing before it has the request.
TEST_F(SilenceTest, ClientsThatStopInTheirBodyEjectNobody) {
  std::atomic<int> begun = 0;
  const auto wait = [&begun](int, uint32_t) {
    ++begun;
    return std::string();
  };
  const std::string wide_stream("\x00\x04\x00\x10\x00\x00", 6);  // INITIAL_WINDOW_SIZE 1 MiB
  const std::string wide_connection("\x10\x00\x00\x00", 4);
  const std::string greeting = testing::Frame(4, 0, 0, wide_stream) + testing::Frame(8, 0, 0, wide_connection);
  testing::RawH2Server one(wait, greeting), other(wait, greeting);
  options_.more_addresses.push_back(*core::ParseAddress(other.address()));
  Connect(one.address(), options_);
  const uint64_t limit = stats_->limit.value();
  std::deque<Recorder> calls(10);
  for (Recorder& call : calls) {
    Start(&call, "Echo", std::string(100'000, 'x'), 500'000'000, /*streaming=*/false, /*last=*/false);
  }
  for (const Recorder& call : calls) {
    Finish(call);
    EXPECT_EQ(call.status->code(), absl::StatusCode::kDeadlineExceeded);
  }
  EXPECT_EQ(begun, 10);
  EXPECT_EQ(stats_->ejections.value(), 0u);
  EXPECT_EQ(stats_->limit.value(), limit);
}

TEST_F(SilenceTest, TheLastEndpointIsNotEjected) {
  Server stopped("stopped");
  ConnectTo({&stopped});
  Warm(1);
  stopped.Set(Way::kSilent);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(CallFor(absl::Milliseconds(50)), "DEADLINE_EXCEEDED");
  EXPECT_EQ(stats_->ejections.value(), 0u);
  stopped.Set(Way::kAnswer);
  EXPECT_EQ(CallOne(), "stopped");
}

TEST_F(SilenceTest, AServerThatAnswersNoPingIsLeftAtOnceAndItsCallsAreMadeElsewhere) {
  Server stopped("stopped"), good("good");
  options_.keepalive_interval = absl::Milliseconds(20);
  options_.keepalive_timeout = absl::Milliseconds(200);
  ConnectTo({&stopped, &good});
  Warm(2);
  stopped.Set(Way::kSilent);
  good.AnswerPings();
  std::set<std::string> answers;
  RunUntil([&] {
    answers.insert(CallFor(absl::Seconds(60), /*idempotent=*/true));
    return stats_->ejections.value() == 1;
  });
  EXPECT_EQ(answers, (std::set<std::string>{"good"}));
  EXPECT_EQ(stats_->unresponsive.value(), 1u);
  EXPECT_EQ(CallMany(10), (std::map<std::string, int>{{"good", 10}}));
}

TEST_F(SilenceTest, ACallThatMayNotBeMadeTwiceEndsWhenTheServerAnswersNoPing) {
  Server stopped("stopped");
  options_.keepalive_interval = absl::Milliseconds(20);
  options_.keepalive_timeout = absl::Milliseconds(100);
  ConnectTo({&stopped});
  Warm(1);
  stopped.Set(Way::kSilent);
  EXPECT_EQ(CallFor(absl::Seconds(60)), "UNAVAILABLE");
}

// gRPC servers close the connection of a client that pings more often (GOAWAY, ENHANCE_YOUR_CALM).
TEST_F(SilenceTest, AServerThatTakesItsTimeIsPingedThreeTimes) {
  Server slow("slow");
  options_.keepalive_interval = absl::Milliseconds(2);
  options_.keepalive_timeout = absl::Seconds(60);
  slow.AnswerPings();
  ConnectTo({&slow});
  Warm(1);
  slow.Set(Way::kSilent);
  EXPECT_EQ(CallFor(absl::Milliseconds(500)), "DEADLINE_EXCEEDED");
  // On a slow machine one is of the call before. Without a bound there would be hundreds.
  EXPECT_GE(slow.pings(), 3);
  EXPECT_LE(slow.pings(), 4);
  EXPECT_EQ(slow.connections(), 1);
}

}  // namespace
}  // namespace stratus::gateway::upstream
