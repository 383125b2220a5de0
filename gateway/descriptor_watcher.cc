#include "gateway/descriptor_watcher.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/proxy/method_table.h"
#include "gateway/proxy/reflection.h"
#include "lib/core/log.h"
#include "lib/core/status.h"

namespace stratus::gateway {
namespace {

namespace pb = google::protobuf;

constexpr absl::Duration kRetryPause = absl::Milliseconds(200);
// Upstreams serve already when they are asked again.
constexpr absl::Duration kReloadTimeout = absl::Seconds(10);

absl::StatusOr<pb::FileDescriptorSet> Reflect(const upstream::ClusterOptions& upstream, absl::Duration timeout,
                                              const std::atomic<bool>* stop) {
  const absl::Time give_up = absl::Now() + timeout;
  for (;;) {
    auto files = proxy::FetchDescriptors(upstream, timeout, stop);
    if (files.status().code() != absl::StatusCode::kUnavailable || absl::Now() > give_up) return files;
    absl::SleepFor(kRetryPause);
  }
}

// Changes whenever a file is replaced or written to. A path whose target changes (as a ConfigMap's does) counts too.
std::string Fingerprint(const std::vector<std::string>& files) {
  std::string all;
  for (const std::string& file : files) {
    struct stat found {};
    if (::stat(file.c_str(), &found) != 0) found = {};
    absl::StrAppend(&all, found.st_ino, ".", found.st_size, ".", found.st_mtim.tv_sec, ".", found.st_mtim.tv_nsec, ";");
  }
  return all;
}

// Servers give their files in any order.
std::string Fingerprint(const pb::FileDescriptorSet& set) {
  std::vector<std::string> files;
  for (const pb::FileDescriptorProto& file : set.file()) files.push_back(file.SerializeAsString());
  std::sort(files.begin(), files.end());
  std::string all;
  for (const std::string& file : files) absl::StrAppend(&all, file.size(), ":", file);
  return all;
}

}  // namespace

absl::StatusOr<pb::FileDescriptorSet> LoadDescriptors(const DescriptorSource& source, absl::Duration timeout,
                                                      const std::atomic<bool>* stop) {
  auto all = proxy::ReadDescriptorFiles(source.files);
  if (!all.ok()) return all.status();
  for (const upstream::ClusterOptions& upstream : source.reflected) {
    auto files = Reflect(upstream, timeout, stop);
    if (!files.ok()) return files.status();
    all->MergeFrom(*files);
  }
  return all;
}

DescriptorWatcher::DescriptorWatcher(WatcherOptions options, const pb::FileDescriptorSet& current, Reload reload)
    : options_(std::move(options)),
      reload_(std::move(reload)),
      set_seen_(Fingerprint(current)),
      reflection_due_(absl::Now() + options_.reflection_interval),
      thread_([this] { Run(); }) {}

DescriptorWatcher::~DescriptorWatcher() { Stop(); }

void DescriptorWatcher::Stop() {
  {
    core::MutexLock lock(mutex_);
    stop_ = true;
  }
  wake_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void DescriptorWatcher::Run() {
  const auto pause = absl::ToChronoNanoseconds(options_.file_interval);
  while (!stop_) {
    const std::string files = Fingerprint(options_.source.files);
    const bool reflects = !options_.source.reflected.empty() && options_.reflection_interval > absl::ZeroDuration();
    // The first look is at once: a file may have changed since it was loaded.
    if (files != files_seen_ || (reflects && absl::Now() >= reflection_due_)) {
      files_seen_ = files;  // as they were before they are read: what is written meanwhile is seen the next time
      Look();
      reflection_due_ = absl::Now() + options_.reflection_interval;
    }
    core::MutexLock lock(mutex_);
    if (!stop_) wake_.WaitFor(lock, pause);
  }
}

void DescriptorWatcher::Look() {
  auto set = LoadDescriptors(options_.source, kReloadTimeout, &stop_);
  if (stop_) return;
  if (!set.ok()) {
    ++outcomes_[kFailed];
    std::string failure(set.status().message());
    if (failure != failure_seen_) {
      core::Log(core::Severity::kWarning, "descriptors cannot be loaded again: the old ones stay",
                {{"error", failure}});
    }
    failure_seen_ = std::move(failure);
    return;
  }
  failure_seen_.clear();
  std::string fingerprint = Fingerprint(*set);
  if (fingerprint == set_seen_) return;
  set_seen_ = std::move(fingerprint);
  const absl::Status status = reload_(*std::move(set));
  ++outcomes_[status.ok() ? kLoaded : kRefused];
  if (status.ok()) {
    core::Log(core::Severity::kInfo, "descriptors loaded again");
  } else {
    core::Log(core::Severity::kError, "new descriptors are refused: the old ones stay",
              {{"error", core::ToStd(status.message())}});
  }
}

void DescriptorWatcher::WriteMetrics(telemetry::Snapshot& out) const {
  constexpr const char* kNames[] = {"loaded", "refused", "failed"};
  for (size_t i = 0; i < kOutcomes; ++i) {
    out.Counter("stratus_gateway_descriptor_reloads_total", "Changed descriptor sets, by what became of them",
                static_cast<double>(outcomes_[i].load()), {{"result", kNames[i]}});
  }
}

}  // namespace stratus::gateway
