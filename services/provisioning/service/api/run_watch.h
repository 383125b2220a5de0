// WatchRun: a run's events, those that there are and then each as it comes, until the run has ended.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "services/provisioning/service/api/api_parts.h"
#include "services/provisioning/service/api/run_follower.h"

namespace stratus::provisioning::service {

class RunWatch : public std::enable_shared_from_this<RunWatch> {
 public:
  struct Sink {
    // Sends one event and calls `sent` once: false when the caller is gone.
    std::function<void(v1::RunEvent event, std::function<void(bool sent)>)> send;
    // Called at most once: nothing is sent after it.
    std::function<void(absl::Status)> end;
  };

  // `parts` outlives it.
  RunWatch(const ApiParts& parts, std::string run_uid, int64_t after, Sink sink)
      : parts_(parts), run_uid_(std::move(run_uid)), after_(after), sink_(std::move(sink)) {}

  // One look, as RunFollower wants it: reads the events after the last one and sends them one by one. A watch has no
  // deadline of its own: its time is up when the server stops, and it ends with UNAVAILABLE.
  void Look(bool time_up, RunFollower::Done done);

 private:
  // Sends events_[next_...], then tells `done`.
  void SendNext(RunFollower::Done done);
  void End(const absl::Status& status, const RunFollower::Done& done);
  // The end of a run whose events went with its stack, in the words of one.
  void AddLostEnd(const store::RunRow& run);

  const ApiParts& parts_;
  const std::string run_uid_;
  // Touched by one look at a time.
  int64_t after_;
  const Sink sink_;
  std::vector<store::EventRow> events_;
  size_t next_ = 0;
  bool last_page_ = false;  // the run has ended, and these are its last events
  bool full_page_ = false;
};

}  // namespace stratus::provisioning::service
