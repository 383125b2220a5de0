// Where the gateway's descriptors come from, and a thread that notices when they have changed.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/upstream/cluster_options.h"
#include "google/protobuf/descriptor.pb.h"
#include "lib/core/mutex.h"
#include "lib/telemetry/metrics.h"

namespace stratus::gateway {

struct DescriptorSource {
  std::vector<std::string> files;                   // serialized FileDescriptorSets
  std::vector<upstream::ClusterOptions> reflected;  // upstreams that are asked by server reflection
};

// All of them joined. An upstream that is still starting is waited for up to `timeout`.
absl::StatusOr<google::protobuf::FileDescriptorSet> LoadDescriptors(const DescriptorSource& source,
                                                                    absl::Duration timeout,
                                                                    const std::atomic<bool>* stop = nullptr);

struct WatcherOptions {
  DescriptorSource source;
  absl::Duration file_interval = absl::Seconds(1);
  absl::Duration reflection_interval = absl::Seconds(60);  // zero: upstreams are asked only when a file has changed
};

class DescriptorWatcher {
 public:
  // Takes a changed set over, or says what is wrong with it. On the watcher's thread.
  using Reload = std::function<absl::Status(google::protobuf::FileDescriptorSet)>;

  // `current` is what is served now.
  DescriptorWatcher(WatcherOptions options, const google::protobuf::FileDescriptorSet& current, Reload reload);
  ~DescriptorWatcher();
  DescriptorWatcher(const DescriptorWatcher&) = delete;
  DescriptorWatcher& operator=(const DescriptorWatcher&) = delete;

  // Returns once Reload runs no more.
  void Stop();
  // Any thread: stratus_gateway_descriptor_reloads_total.
  void WriteMetrics(telemetry::Snapshot& out) const;

 private:
  enum Outcome : size_t { kLoaded, kRefused, kFailed, kOutcomes };

  void Run();
  void Look();

  const WatcherOptions options_;
  const Reload reload_;
  std::string files_seen_;    // their sizes and times
  std::string set_seen_;      // the last set that was tried
  std::string failure_seen_;  // said once
  absl::Time reflection_due_;
  std::array<std::atomic<uint64_t>, kOutcomes> outcomes_{};
  core::Mutex mutex_;
  core::CondVar wake_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace stratus::gateway
