// A sink that keeps what it gets, and samplers that have made up their mind, for tests.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lib/core/mutex.h"
#include "lib/telemetry/tracer.h"

namespace stratus::telemetry {

class SpanCollector final : public SpanSink {
 public:
  void Export(FinishedSpans finished) override {
    core::MutexLock lock(mutex_);
    finished_.push_back(std::move(finished));
    arrived_.NotifyAll();
  }

  // Everything so far.
  std::vector<FinishedSpans> finished() const {
    core::MutexLock lock(mutex_);
    return finished_;
  }
  void Clear() {
    core::MutexLock lock(mutex_);
    finished_.clear();
  }
  // The first span of that name, waited for.
  SpanRecord WaitFor(const std::string& name) {
    core::MutexLock lock(mutex_);
    for (;;) {
      for (const FinishedSpans& finished : finished_) {
        for (const SpanRecord& span : finished.spans) {
          if (span.name == name) return span;
        }
      }
      arrived_.Wait(lock);
    }
  }

 private:
  mutable core::Mutex mutex_;
  core::CondVar arrived_;
  std::vector<FinishedSpans> finished_ ABSL_GUARDED_BY(mutex_);
};

class FixedSampler final : public Sampler {
 public:
  explicit FixedSampler(bool sample) : sample_(sample) {}
  bool Sample(const SamplingRequest&) override { return sample_; }

 private:
  const bool sample_;
};

inline std::shared_ptr<const Resource> TestResource(const std::string& name) {
  auto resource = std::make_shared<Resource>();
  resource->service_name = name;
  return resource;
}

}  // namespace stratus::telemetry
