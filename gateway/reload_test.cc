// Descriptors that change while the gateway serves, and what its upstreams report.
#include <gmock/gmock.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gateway/descriptor_watcher.h"
#include "gateway/gateway.h"
#include "gateway/testing/raw_client.h"
#include "gateway/testing/raw_h2_server.h"
#include "gateway/testing/shapes_server.h"
#include "gateway/upstream_metrics.h"
#include "google/api/annotations.pb.h"

namespace stratus::gateway {
namespace {

using google::protobuf::FileDescriptorSet;
using google::protobuf::MethodDescriptorProto;
using google::protobuf::ServiceDescriptorProto;
using ::testing::HasSubstr;
using testing::RawClient;
using testing::ShapesServer;

constexpr char kShapesFile[] = "shapes.proto";

ServiceDescriptorProto* ShapesOf(FileDescriptorSet* set) {
  for (auto& file : *set->mutable_file()) {
    if (file.name() == kShapesFile) return file.mutable_service(0);
  }
  return nullptr;
}

MethodDescriptorProto* MethodOf(FileDescriptorSet* set, const std::string& name) {
  for (auto& method : *ShapesOf(set)->mutable_method()) {
    if (method.name() == name) return &method;
  }
  return nullptr;
}

FileDescriptorSet WithPath(const std::string& method, const std::string& path) {
  FileDescriptorSet set = testing::ShapesDescriptors();
  MethodOf(&set, method)->mutable_options()->MutableExtension(google::api::http)->set_get(path);
  return set;
}

class ReloadTest : public ::testing::Test {
 protected:
  void Start(FileDescriptorSet descriptors, const std::string& upstream = "") {
    GatewayOptions options;
    options.listen = *core::ParseAddress("127.0.0.1:0");
    options.threads = 2;
    options.descriptors = std::move(descriptors);
    options.config.add_upstreams()->set_address(upstream.empty() ? server_.address() : upstream);
    auto started = Gateway::Start(std::move(options));
    ASSERT_TRUE(started.ok()) << started.status();
    gateway_ = *std::move(started);
  }
  RawClient NewClient() const { return RawClient(gateway_->address().ToString()); }
  int Get(const std::string& target) const { return NewClient().Get(target).status; }
  // Each worker changes over by itself.
  void Await(const std::string& target, int status) const {
    for (int in_a_row = 0; in_a_row < 8;) in_a_row = Get(target) == status ? in_a_row + 1 : 0;
  }

  ShapesServer server_;
  std::unique_ptr<Gateway> gateway_;
};

TEST_F(ReloadTest, ServesNewRoutesAndDropsOldOnes) {
  Start(testing::ShapesDescriptors());
  EXPECT_EQ(Get("/t/metadata"), 200);
  ASSERT_TRUE(gateway_->Reload(WithPath("Metadata", "/t/moved")).ok());
  Await("/t/moved", 200);
  Await("/t/metadata", 404);
  EXPECT_THAT(NewClient().Get("/openapi.json").body, HasSubstr("/t/moved"));
}

TEST_F(ReloadTest, AMethodThatIsRemovedFinishesItsCalls) {
  Start(testing::ShapesDescriptors());
  RawClient waiting = NewClient();
  waiting.Send("GET", "/t/wait", "grpc-timeout: 3S\r\n");  // past what a busy machine needs to start it
  while (server_.waiting() == 0) std::this_thread::yield();
  FileDescriptorSet without = testing::ShapesDescriptors();
  ServiceDescriptorProto* shapes = ShapesOf(&without);
  for (int i = shapes->method_size() - 1; i >= 0; --i) {
    if (shapes->method(i).name() == "Wait") shapes->mutable_method()->DeleteSubrange(i, 1);
  }
  ASSERT_TRUE(gateway_->Reload(without).ok());
  Await("/t/wait", 404);
  EXPECT_EQ(waiting.Receive().status, 504) << "by its deadline, in its own time";
}

TEST_F(ReloadTest, RefusesAWrongSetAndKeepsTheOldOne) {
  Start(testing::ShapesDescriptors());
  FileDescriptorSet incomplete = testing::ShapesDescriptors();
  incomplete.mutable_file()->DeleteSubrange(0, 1);
  incomplete.mutable_file(0)->add_dependency("missing.proto");
  EXPECT_EQ(gateway_->Reload(incomplete).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Get("/t/metadata"), 200);
}

TEST_F(ReloadTest, RefusesConflictingRoutesWithBothNames) {
  Start(testing::ShapesDescriptors());
  const absl::Status status = gateway_->Reload(WithPath("Metadata", "/t/fail"));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("Shapes.Metadata"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("Shapes.Fail"));
  EXPECT_EQ(Get("/t/metadata"), 200);
}

TEST_F(ReloadTest, DropsNoRequest) {
  Start(testing::ShapesDescriptors());
  std::atomic<bool> stop{false};
  std::atomic<int> good{0}, bad{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back([&] {
      RawClient client = NewClient();
      while (!stop) ++(client.Get("/t/items/1?count=3").status == 200 ? good : bad);
    });
  }
  for (int i = 0; i < 20; ++i) {
    const int before = good;
    ASSERT_TRUE(gateway_->Reload(WithPath("Metadata", absl::StrCat("/t/path", i))).ok());
    while (good < before + 20 && bad == 0) std::this_thread::yield();
  }
  stop = true;
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(bad, 0);
}

// --- Where new sets come from.

class WatcherTest : public ReloadTest {
 protected:
  WatcherTest() : path_(absl::StrCat(::testing::TempDir(), "/stratus_reload.", ::getpid(), ".pb")) {}
  ~WatcherTest() override { std::remove(path_.c_str()); }

  // Replaces the file at once, as those who care do.
  void Write(const std::string& bytes) {
    const std::string next = path_ + ".next";
    std::ofstream(next, std::ios::binary) << bytes;
    std::rename(next.c_str(), path_.c_str());
  }
  void Watch(WatcherOptions options, const FileDescriptorSet& current) {
    options.file_interval = absl::Milliseconds(5);
    watcher_ = std::make_unique<DescriptorWatcher>(
        std::move(options), current, [this](FileDescriptorSet set) { return gateway_->Reload(std::move(set)); });
    counted_ = metrics_.AddSource([this](telemetry::Snapshot& out) { watcher_->WriteMetrics(out); });
  }
  void AwaitReload(const std::string& result) {
    const std::string line = absl::StrCat("stratus_gateway_descriptor_reloads_total{result=\"", result, "\"} ");
    for (;;) {
      const std::string scrape = metrics_.Scrape();
      const size_t at = scrape.find(line);
      ASSERT_NE(at, std::string::npos) << scrape;
      if (scrape[at + line.size()] != '0') return;
      std::this_thread::yield();
    }
  }

  const std::string path_;
  std::unique_ptr<DescriptorWatcher> watcher_;
  telemetry::Metrics metrics_;
  std::unique_ptr<telemetry::Metrics::Registration> counted_;
};

TEST_F(WatcherTest, LoadsAFileAgainWhenItHasChanged) {
  const FileDescriptorSet first = testing::ShapesDescriptors();
  Start(first);
  Write(first.SerializeAsString());
  WatcherOptions options;
  options.source.files = {path_};
  Watch(std::move(options), first);
  Write("this is no descriptor set");
  AwaitReload("failed");
  Write(WithPath("Metadata", "/t/fail").SerializeAsString());
  AwaitReload("refused");
  EXPECT_EQ(Get("/t/metadata"), 200);
  Write(WithPath("Metadata", "/t/moved").SerializeAsString());
  AwaitReload("loaded");
  Await("/t/moved", 200);
}

TEST_F(WatcherTest, AsksTheUpstreamsAgain) {
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  ShapesServer reflecting;
  const FileDescriptorSet old = WithPath("Metadata", "/t/old");
  Start(old);
  WatcherOptions options;
  options.source.reflected.emplace_back().address = *core::ParseAddress(reflecting.address());
  options.reflection_interval = absl::Milliseconds(5);
  Watch(std::move(options), old);
  AwaitReload("loaded");
  Await("/t/metadata", 200);
}

TEST_F(WatcherTest, StopsWhileAnUpstreamIsSilent) {
  Start(testing::ShapesDescriptors());
  WatcherOptions options;
  options.source.reflected.emplace_back().address = *core::ParseAddress("127.0.0.1:1");
  options.reflection_interval = absl::Milliseconds(1);
  Watch(std::move(options), testing::ShapesDescriptors());
  watcher_->Stop();
}

// --- What the descriptors say about retries.

TEST_F(ReloadTest, IdempotencyLevelDecidesAboutRetries) {
  std::atomic<int> calls{0};
  testing::RawH2Server flaky([&calls](int, uint32_t stream) {
    const std::string head = "\x88" + testing::Field("content-type", "application/grpc");
    if (calls++ % 2 == 0) return testing::Headers(stream, head + testing::Field("grpc-status", "14"), true);
    return testing::Headers(stream, head, false) + testing::Frame(0, 0, stream, std::string(5, '\0')) +
           testing::Headers(stream, testing::Field("grpc-status", "0"), true);
  });
  FileDescriptorSet set = testing::ShapesDescriptors();
  MethodOf(&set, "Metadata")
      ->mutable_options()
      ->set_idempotency_level(google::protobuf::MethodOptions::NO_SIDE_EFFECTS);
  Start(set, flaky.address());
  EXPECT_EQ(Get("/t/metadata"), 200);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(Get("/t/fail"), 503) << "this one says nothing";
  EXPECT_EQ(calls, 3);
}

// --- What is counted.

TEST(UpstreamMetrics, TwoUpstreamsAtOneAddressAreToldApart) {
  upstream::ClusterOptions one;
  one.address = *core::ParseAddress("127.0.0.1:1");
  UpstreamMetrics upstreams;
  upstreams.ForWorker({one, one});
  telemetry::Metrics metrics;
  const auto counted = metrics.AddSource([&](telemetry::Snapshot& out) { upstreams.Write(out); });
  const std::string scrape = metrics.Scrape();
  EXPECT_THAT(scrape, HasSubstr("stratus_gateway_upstream_waits_total{upstream=\"127.0.0.1:1\"} 0"));
  EXPECT_THAT(scrape, HasSubstr("stratus_gateway_upstream_waits_total{upstream=\"127.0.0.1:1#2\"} 0"));
}

TEST_F(ReloadTest, UpstreamsAreCountedByAddress) {
  Start(testing::ShapesDescriptors());
  EXPECT_EQ(Get("/t/metadata"), 200);
  telemetry::Metrics metrics;
  const auto counted = metrics.AddSource([this](telemetry::Snapshot& out) { gateway_->WriteMetrics(out); });
  const std::string scrape = metrics.Scrape();
  const std::string label = absl::StrCat("{upstream=\"", server_.address(), "\"");
  EXPECT_THAT(scrape, HasSubstr(absl::StrCat("stratus_gateway_upstream_endpoints", label, ",state=\"serving\"} 1")));
  EXPECT_THAT(scrape, HasSubstr(absl::StrCat("stratus_gateway_upstream_connections_open", label, "} 1")));
  EXPECT_THAT(scrape, HasSubstr(absl::StrCat("stratus_gateway_upstream_waits_total", label, "} 1")));
}

}  // namespace
}  // namespace stratus::gateway
