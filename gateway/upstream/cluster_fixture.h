// What tests of clusters share: a loop, an observer that remembers, a server that answers as it is told.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/testing/raw_h2_server.h"
#include "gateway/upstream/cluster.h"
#include "gateway/upstream/upstream.h"
#include "google/protobuf/any.pb.h"
#include "google/protobuf/message.h"

namespace stratus::gateway::upstream {

inline constexpr char kService[] = "/stratus.gateway.testing.v1.Shapes/";

inline std::string Framed(const google::protobuf::Message& message) {
  const std::string wire = message.SerializeAsString();
  std::string out(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(wire.size() >> shift));
  return out + wire;
}

// Records what a call hears.
struct Recorder final : CallObserver {
  void OnHead(absl::Span<const http::Header> metadata) override {
    ++heads;
    for (const http::Header& header : metadata) head[std::string(header.name)] = std::string(header.value);
  }
  void OnData(std::string_view piece) override {
    data += piece;
    if (consume) call->Consumed(piece.size());
  }
  void OnEnd(const absl::Status& ended, absl::Span<const http::Header> ended_trailers) override {
    EXPECT_FALSE(status.has_value()) << "ended twice";
    status = ended;
    for (const http::Header& header : ended_trailers) trailers[std::string(header.name)] = std::string(header.value);
  }
  void OnDrained() override { ++drained; }

  Call* call = nullptr;
  bool idempotent = false;
  bool waits = false;
  bool consume = true;
  int heads = 0;
  int drained = 0;
  std::map<std::string, std::string> head;
  std::string data;
  std::optional<absl::Status> status;
  std::map<std::string, std::string> trailers;
};

class ClusterTest : public ::testing::Test {
 protected:
  void Connect(const std::string& address, ClusterOptions options = {}) {
    options.address = *core::ParseAddress(address);
    options.stats = stats_;
    cluster_ = MakeCluster(io_, &timers_, options);
  }

  void Start(Recorder* recorder, const std::string& method, const std::string& body, int64_t timeout_ns = 0,
             bool streaming = false, bool last = true) {
    const std::string path = kService + method;
    const http::Header metadata[] = {{"x-test", "one"}, {"x-test", "two"}};
    CallHead head;
    head.path = path;
    head.authority = "test";
    head.metadata = metadata;
    head.timeout_ns = timeout_ns;
    head.streaming = streaming;
    head.idempotent = recorder->idempotent;
    head.waits = recorder->waits;
    recorder->call = cluster_->Start(head, recorder);
    EXPECT_FALSE(recorder->status.has_value()) << "heard of inside Start";
    recorder->call->Send(body, last);
  }

  template <typename Condition>
  void RunUntil(Condition condition) {
    const int64_t give_up = TimerQueue::Now() + 120'000'000'000;
    while (!condition()) {
      ASSERT_LT(TimerQueue::Now(), give_up) << "nothing happens any more";
      io_.restart();
      io_.run_one_for(std::chrono::milliseconds(50));
    }
  }
  void Finish(const Recorder& recorder) {
    RunUntil([&recorder] { return recorder.status.has_value(); });
  }

  boost::asio::io_context io_;
  TimerQueue timers_{io_};
  std::shared_ptr<ClusterStats> stats_ = std::make_shared<ClusterStats>();
  std::unique_ptr<Cluster> cluster_;
};

// Answers every call, health checks among them, in the way that is set at that moment.
class Server {
 public:
  enum class Way {
    kAnswer,       // OK, and a message that a health check reads as SERVING; x-server says who it was
    kUnavailable,  // trailers only
    kDoNotRetry,   // the same, and says so
    kHeadThenUnavailable,
    kNotServing,  // OK, but not to a health check
    kUnimplemented,
    kCut,     // breaks the connection
    kGoAway,  // has not processed the call and takes no more on this connection
    kLeave,   // ends each connection as RFC 9113 has it: a GOAWAY that names no stream, then one that does
    kRefuse,
    kSilent,
    kHold,  // answers, but only once another way is set
  };

  explicit Server(const std::string& name)
      : name_(name), server_([this](int connection, uint32_t stream) { return Reply(connection, stream); }) {}

  ~Server() { Set(Way::kSilent); }

  std::string address() const { return server_.address(); }
  int connections() const { return server_.connections(); }
  int calls() const { return calls_; }
  int pings() const { return server_.pings(); }
  void AnswerPings() { server_.AnswerPings(); }
  void Set(Way way) {
    way_ = way;
    way_.notify_all();
  }

 private:
  static constexpr uint32_t kRefusedStream = 7;

  std::string Reply(int connection, uint32_t stream) {
    ++calls_;
    switch (way_.load()) {
      case Way::kAnswer: return Answer(stream, 1);
      case Way::kNotServing: return Answer(stream, 2);
      case Way::kUnavailable: return Verdict(stream, "14", "");
      case Way::kDoNotRetry: return Verdict(stream, "14", testing::Field("grpc-retry-pushback-ms", "-1"));
      case Way::kHeadThenUnavailable: return Head(stream) + End(stream, "14");
      case Way::kUnimplemented: return Verdict(stream, "12", "");
      case Way::kCut: return testing::RawH2Server::kCut;
      case Way::kGoAway: return testing::GoAway(0, 0);
      case Way::kLeave: return Leave(connection, stream);
      case Way::kRefuse: return testing::RstStream(stream, kRefusedStream);
      case Way::kSilent: break;
      case Way::kHold: way_.wait(Way::kHold); return Answer(stream, 1);
    }
    return "";
  }
  std::string Leave(int connection, uint32_t stream) {
    constexpr uint32_t kNoStream = 0x7fffffff;
    const std::lock_guard<std::mutex> lock(mutex_);
    switch (leaving_[connection]++) {
      case 0: return testing::GoAway(kNoStream, 0) + Answer(stream, 1);
      case 1: return testing::GoAway(stream, 0) + Answer(stream, 1);
      default: return "";  // beyond the last stream
    }
  }
  std::string Head(uint32_t stream) const {
    return testing::Headers(
        stream, "\x88" + testing::Field("content-type", "application/grpc") + testing::Field("x-server", name_), false);
  }
  static std::string End(uint32_t stream, std::string_view code) {
    return testing::Headers(stream, testing::Field("grpc-status", code), true);
  }
  static std::string Verdict(uint32_t stream, std::string_view code, const std::string& more) {
    return testing::Headers(
        stream,
        "\x88" + testing::Field("content-type", "application/grpc") + testing::Field("grpc-status", code) + more, true);
  }
  std::string Answer(uint32_t stream, char serving) const {
    const std::string message = std::string("\0\0\0\0\x02\x08", 6) + serving;
    return Head(stream) + testing::Frame(0, 0, stream, message) + End(stream, "0");
  }

  const std::string name_;
  std::atomic<int> calls_{0};
  std::atomic<Way> way_{Way::kAnswer};
  std::mutex mutex_;
  std::map<int, int> leaving_;   // by connection: calls since it began to leave
  testing::RawH2Server server_;  // last: its threads use the others
};

}  // namespace stratus::gateway::upstream
