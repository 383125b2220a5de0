#include <gmock/gmock.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "gateway/testing/raw_h2_server.h"
#include "gateway/testing/shapes_server.h"
#include "gateway/upstream/cluster_fixture.h"
#include "lib/core/status.h"
#include "shapes.pb.h"

namespace stratus::gateway::upstream {
namespace {

using gateway::testing::Field;
using gateway::testing::GoAway;
using gateway::testing::Headers;
using gateway::testing::RawH2Server;
using gateway::testing::RstStream;
using gateway::testing::ShapesServer;
using gateway::testing::v1::Item;
using gateway::testing::v1::StreamRequest;

constexpr uint32_t kRefusedStream = 7;

TEST_F(ClusterTest, CallsAGrpcServerOverTcp) {
  ShapesServer server;
  Connect(server.address());
  Item item;
  item.set_name("items/1");
  Recorder recorder;
  Start(&recorder, "Echo", Framed(item));
  Finish(recorder);
  EXPECT_TRUE(recorder.status->ok()) << *recorder.status;
  EXPECT_EQ(recorder.data, Framed(item));
  EXPECT_EQ(recorder.head["content-type"], "application/grpc");
  EXPECT_EQ(recorder.trailers["grpc-status"], "0");
}

TEST_F(ClusterTest, CallsAGrpcServerOverAUnixSocket) {
  const std::string path = "/tmp/stratus_cluster_test." + std::to_string(::getpid()) + ".sock";
  ShapesServer server("unix:" + path);
  Connect("unix:" + path);
  Recorder recorder;
  Start(&recorder, "Echo", Framed(Item()));
  Finish(recorder);
  EXPECT_TRUE(recorder.status->ok()) << *recorder.status;
  ::unlink(path.c_str());
}

TEST_F(ClusterTest, ResolvesAName) {
  ShapesServer server;
  Connect("localhost:" + server.address().substr(server.address().rfind(':') + 1));
  Recorder recorder;
  Start(&recorder, "Echo", Framed(Item()));
  Finish(recorder);
  EXPECT_TRUE(recorder.status->ok()) << *recorder.status;
}

TEST_F(ClusterTest, RunsManyCallsAtOnceOnOneConnection) {
  ShapesServer server;
  Connect(server.address());
  std::vector<std::unique_ptr<Recorder>> recorders;
  for (int i = 0; i < 300; ++i) {
    Item item;
    item.set_count(i);
    recorders.push_back(std::make_unique<Recorder>());
    Start(recorders.back().get(), "Echo", Framed(item));
  }
  for (int i = 0; i < 300; ++i) {
    Finish(*recorders[i]);
    Item item;
    item.set_count(i);
    EXPECT_TRUE(recorders[i]->status->ok()) << *recorders[i]->status;
    EXPECT_EQ(recorders[i]->data, Framed(item));
  }
}

TEST_F(ClusterTest, SendsMetadataAndTheDeadline) {
  ShapesServer server;
  Connect(server.address());
  Recorder recorder;
  Start(&recorder, "Metadata", Framed(Item()), 5'000'000'000);
  Finish(recorder);
  Item reply;
  ASSERT_TRUE(reply.ParseFromString(recorder.data.substr(5)));
  EXPECT_EQ(reply.labels().at("x-test"), "one|two");
}

TEST_F(ClusterTest, GivesCodeMessageAndTrailersOfAnError) {
  ShapesServer server;
  Connect(server.address());
  gateway::testing::v1::FailRequest request;
  request.set_code(5);
  request.set_message("không có 100%\n");
  Recorder recorder;
  Start(&recorder, "Fail", Framed(request));
  Finish(recorder);
  EXPECT_EQ(recorder.status->code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(recorder.status->message(), "không có 100%\n");
  EXPECT_EQ(recorder.heads, 0) << "trailers-only";
  EXPECT_EQ(recorder.trailers.count("grpc-status-details-bin"), 1u);
}

TEST_F(ClusterTest, EnforcesTheDeadlineAndCancelsTheCall) {
  ShapesServer server;
  Connect(server.address());
  Recorder recorder;
  Start(&recorder, "Wait", Framed(Item()), 50'000'000);
  Finish(recorder);
  EXPECT_EQ(recorder.status->code(), absl::StatusCode::kDeadlineExceeded);
  RunUntil([&server] { return server.waiting() == 0 || server.cancelled() == server.waiting(); });
}

TEST_F(ClusterTest, ACallThatWaitsOnPurposeTakesNoPlaceOfTheOthers) {
  ShapesServer server;
  ClusterOptions options;
  options.admission.limit.calls_min = options.admission.limit.calls_max = 4;
  Connect(server.address(), options);
  std::vector<std::unique_ptr<Recorder>> waiting;
  for (int i = 0; i < 8; ++i) {
    waiting.push_back(std::make_unique<Recorder>());
    waiting.back()->waits = true;
    Start(waiting.back().get(), "Wait", Framed(Item()));
  }
  RunUntil([&server] { return server.waiting() == 8; });
  EXPECT_EQ(stats_->in_flight.value(), 0u);
  Recorder quick;
  Start(&quick, "Echo", Framed(Item()));
  Finish(quick);
  EXPECT_TRUE(quick.status->ok()) << *quick.status;
  for (const auto& recorder : waiting) recorder->call->Cancel();
  RunUntil([&server] { return server.cancelled() == 8; });
}

TEST_F(ClusterTest, CancelReachesTheServerAndSilencesTheObserver) {
  ShapesServer server;
  Connect(server.address());
  Recorder recorder;
  Start(&recorder, "Wait", Framed(Item()));
  RunUntil([&server] { return server.waiting() == 1; });
  recorder.call->Cancel();
  RunUntil([&server] { return server.cancelled() == 1; });
  EXPECT_FALSE(recorder.status.has_value());
}

TEST_F(ClusterTest, ASlowReaderStopsTheServer) {
  ShapesServer server;
  Connect(server.address());
  StreamRequest request;
  request.set_count(2000);
  request.set_size(10'000);  // 20 MB in all; a stream's window is 1 MB
  Recorder recorder;
  recorder.consume = false;
  Start(&recorder, "Stream", Framed(request), 0, true);
  RunUntil([&recorder] { return recorder.data.size() >= 1 << 20; });
  EXPECT_LT(recorder.data.size(), 3u << 20);
  EXPECT_LT(server.streamed(), 2000);
  recorder.consume = true;
  recorder.call->Consumed(recorder.data.size());
  Finish(recorder);
  EXPECT_TRUE(recorder.status->ok()) << *recorder.status;
  EXPECT_GT(recorder.data.size(), 20'000'000u);
}

TEST_F(ClusterTest, AnUploadDrainsAsTheServerReads) {
  ShapesServer server;
  Connect(server.address());
  Item item;
  item.set_name(std::string(100'000, 'x'));
  const std::string frame = Framed(item);
  Recorder recorder;
  Start(&recorder, "Collect", frame, 0, true, false);
  for (int i = 1; i < 40; ++i) {
    RunUntil([&recorder] { return recorder.call->unsent() < Call::kUnsentHigh; });
    recorder.call->Send(frame, i == 39);
  }
  Finish(recorder);
  Item reply;
  ASSERT_TRUE(recorder.status->ok()) << *recorder.status;
  ASSERT_TRUE(reply.ParseFromString(recorder.data.substr(5)));
  EXPECT_EQ(reply.count(), 40);
  EXPECT_GT(recorder.drained, 0);
}

TEST_F(ClusterTest, ASlowUploadIsNoSlowServer) {
  ShapesServer server;
  ClusterOptions options;
  options.admission.limit.latency_floor = absl::Milliseconds(250);
  Connect(server.address(), options);
  Recorder quick;
  Start(&quick, "Echo", Framed(Item()));
  Finish(quick);
  const uint64_t limit = stats_->limit.value();
  Item item;
  item.set_name(std::string(100'000, 'x'));
  const std::string frame = Framed(item);
  std::vector<Recorder> calls(10);
  for (Recorder& call : calls) Start(&call, "Echo", frame.substr(0, 70'000), 0, false, /*last=*/false);
  io_.restart();
  io_.run_for(std::chrono::milliseconds(500));  // how slow the clients are
  for (Recorder& call : calls) call.call->Send(frame.substr(70'000), true);
  for (const Recorder& call : calls) {
    Finish(call);
    EXPECT_TRUE(call.status->ok()) << *call.status;
  }
  EXPECT_GE(stats_->limit.value(), limit);
}

TEST_F(ClusterTest, FailsAtOnceWhileNothingListensAndRecovers) {
  std::string address;
  {
    ShapesServer gone;
    address = gone.address();
  }
  ClusterOptions options;
  options.backoff_min = absl::Milliseconds(10);
  options.backoff_max = absl::Milliseconds(20);
  Connect(address, options);
  Recorder refused;
  Start(&refused, "Echo", Framed(Item()));
  Finish(refused);
  EXPECT_EQ(refused.status->code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(refused.status->message()), ::testing::HasSubstr(address));
  ShapesServer back(address);
  for (;;) {
    Recorder again;
    Start(&again, "Echo", Framed(Item()));
    Finish(again);
    if (again.status->ok()) break;
    EXPECT_EQ(again.status->code(), absl::StatusCode::kUnavailable);
  }
}

TEST_F(ClusterTest, ReconnectsAfterTheServerWasRestarted) {
  auto server = std::make_unique<ShapesServer>();
  const std::string address = server->address();
  ClusterOptions options;
  options.backoff_min = absl::Milliseconds(5);
  Connect(address, options);
  Recorder before;
  Start(&before, "Echo", Framed(Item()));
  Finish(before);
  server = nullptr;
  server = std::make_unique<ShapesServer>(address);
  for (;;) {
    Recorder after;
    Start(&after, "Echo", Framed(Item()));
    Finish(after);
    if (after.status->ok()) break;
    EXPECT_EQ(after.status->code(), absl::StatusCode::kUnavailable);
  }
}

TEST_F(ClusterTest, TriesARefusedStreamOnceMore) {
  RawH2Server server([](int, uint32_t stream) {
    return stream == 1
               ? RstStream(stream, kRefusedStream)
               : Headers(stream, "\x88" + Field("content-type", "application/grpc") + Field("grpc-status", "0"), true);
  });
  Connect(server.address());
  Recorder recorder;
  Start(&recorder, "Echo", Framed(Item()));
  Finish(recorder);
  EXPECT_TRUE(recorder.status->ok()) << *recorder.status;
}

TEST_F(ClusterTest, GivesUpWhenRefusedTwice) {
  RawH2Server server([](int, uint32_t stream) { return RstStream(stream, kRefusedStream); });
  Connect(server.address());
  Recorder recorder;
  Start(&recorder, "Echo", Framed(Item()));
  Finish(recorder);
  EXPECT_EQ(recorder.status->code(), absl::StatusCode::kUnavailable);
}

TEST_F(ClusterTest, MovesUnprocessedCallsToANewConnectionOnGoAway) {
  RawH2Server server([](int connection, uint32_t stream) {
    if (connection == 0) return GoAway(0, 0);
    return Headers(stream, "\x88" + Field("content-type", "application/grpc") + Field("grpc-status", "0"), true);
  });
  Connect(server.address());
  Recorder recorder;
  Start(&recorder, "Echo", Framed(Item()));
  Finish(recorder);
  EXPECT_TRUE(recorder.status->ok()) << *recorder.status;
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(ClusterTest, DoesNotRepeatACallWhoseConnectionBroke) {
  RawH2Server server([](int, uint32_t) { return std::string(RawH2Server::kCut); });
  Connect(server.address());
  Recorder recorder;
  Start(&recorder, "Echo", Framed(Item()));
  Finish(recorder);
  EXPECT_EQ(recorder.status->code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(ClusterTest, MapsAnHttpErrorToACode) {
  RawH2Server server([](int, uint32_t stream) { return Headers(stream, "\x8d", true); });  // 404
  Connect(server.address());
  Recorder recorder;
  Start(&recorder, "Echo", Framed(Item()));
  Finish(recorder);
  EXPECT_EQ(recorder.status->code(), absl::StatusCode::kUnimplemented);
}

TEST_F(ClusterTest, RefusesAReplyThatIsNotGrpc) {
  RawH2Server server(
      [](int, uint32_t stream) { return Headers(stream, "\x88" + Field("content-type", "text/html"), false); });
  Connect(server.address());
  Recorder recorder;
  Start(&recorder, "Echo", Framed(Item()));
  Finish(recorder);
  EXPECT_EQ(recorder.status->code(), absl::StatusCode::kUnknown);
  EXPECT_EQ(recorder.heads, 0);
}

TEST_F(ClusterTest, SurvivesAServerThatDoesNotSpeakHttp2) {
  RawH2Server server([](int, uint32_t) { return std::string(); }, "HTTP/1.1 400 Bad Request\r\n\r\n");
  Connect(server.address());
  Recorder recorder;
  Start(&recorder, "Echo", Framed(Item()));
  Finish(recorder);
  EXPECT_EQ(recorder.status->code(), absl::StatusCode::kUnavailable);
}

TEST_F(ClusterTest, QueuesBeyondTheServersStreamLimitAndFailsBeyondItsOwn) {
  const std::string one_stream("\x00\x03\x00\x00\x00\x01", 6);  // MAX_CONCURRENT_STREAMS 1
  RawH2Server server(
      [](int, uint32_t stream) { return Headers(stream, "\x88" + Field("content-type", "application/grpc"), false); },
      gateway::testing::Frame(4, 0, 0, one_stream));
  ClusterOptions options;
  options.queue_max = 2;
  Connect(server.address(), options);
  constexpr int64_t kTimeoutNs = 2'000'000'000;  // the first one still waits when the fourth one comes
  Recorder first;
  Start(&first, "Echo", Framed(Item()), kTimeoutNs);
  // The limit is known once the server's SETTINGS have been read, and they come before any answer.
  RunUntil([&first] { return first.heads == 1; });
  Recorder second, third, fourth;
  Start(&second, "Echo", Framed(Item()), kTimeoutNs);
  Start(&third, "Echo", Framed(Item()), kTimeoutNs);
  Start(&fourth, "Echo", Framed(Item()), kTimeoutNs);
  Finish(fourth);
  EXPECT_EQ(fourth.status->code(), absl::StatusCode::kUnavailable);
  Finish(first);
  Finish(third);
  EXPECT_EQ(first.status->code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(third.status->code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(ClusterTest, CanBeDestroyedWithCallsUnderWay) {
  ShapesServer server;
  Connect(server.address());
  Recorder active, queued;
  Start(&active, "Wait", Framed(Item()), 60'000'000'000);
  RunUntil([&server] { return server.waiting() == 1; });
  Start(&queued, "Wait", Framed(Item()), 0, true);
  cluster_ = nullptr;
  io_.restart();
  io_.run_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(active.status.has_value());
  EXPECT_FALSE(queued.status.has_value());
}

}  // namespace
}  // namespace stratus::gateway::upstream
