// Keeps CentralRules up to date: asks the daemon for the rules every 300 s and for targets every 10 s, both with
// jitter, on a thread of its own. A daemon that is away, slow or talks nonsense changes nothing: the fallback goes on
// deciding.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/core/mutex.h"
#include "lib/telemetry/central_rules.h"
#include "lib/telemetry/daemon_address.h"

namespace stratus::http_client {
class Client;
}

namespace stratus::telemetry {

// When to ask for what. Apart from the thread, for tests with a clock of their own.
class SamplingSchedule {
 public:
  static constexpr absl::Duration kRulesEvery = absl::Seconds(300);
  static constexpr absl::Duration kTargetsEvery = absl::Seconds(10);

  // Posts a JSON body to a path of the daemon's and gives the body of a 200.
  using Post = std::function<absl::StatusOr<std::string>(const std::string& path, const std::string& body)>;

  // `jitter`: uniform in [0, 1).
  SamplingSchedule(CentralRules* rules, std::string client_id, const core::Clock* clock,
                   std::function<double()> jitter);

  // Does what is due. What to wait until there is more.
  absl::Duration Turn(const Post& post);

  uint64_t failures() const { return failures_.load(std::memory_order_relaxed); }

 private:
  void AskForRules(const Post& post);
  absl::Status FetchRules(const Post& post);
  void AskForTargets(const Post& post);
  void Failed(std::string_view what, const absl::Status& status);

  CentralRules& rules_;
  const std::string client_id_;
  const core::Clock& clock_;
  const std::function<double()> jitter_;
  absl::Duration rules_due_;  // monotonic
  absl::Duration targets_due_;
  bool failing_ = false;
  std::atomic<uint64_t> failures_{0};
};

class SamplingPoller {
 public:
  // `rules` outlives it.
  SamplingPoller(CentralRules* rules, const HostPort& daemon);
  // Ends what is under way.
  ~SamplingPoller();

  uint64_t failures() const { return schedule_.failures(); }

 private:
  void Run();
  absl::StatusOr<std::string> Post(const std::string& path, const std::string& body);

  const std::string base_url_;
  SamplingSchedule schedule_;
  std::unique_ptr<http_client::Client> client_;
  core::Mutex mutex_;
  core::CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace stratus::telemetry
