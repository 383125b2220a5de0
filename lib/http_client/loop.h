// The client's thread: takes requests in, runs their attempts over one curl multi handle, and ends each exactly once.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "lib/core/clock.h"
#include "lib/core/mutex.h"
#include "lib/http_client/destination.h"
#include "lib/http_client/http_client.h"
#include "lib/http_client/transfer.h"
#include "lib/http_client/url.h"

namespace stratus::http_client {

class Client::Loop {
 public:
  explicit Loop(Options options);
  ~Loop();

  Cancel Send(Request request, Callback done);
  bool OnLoopThread() const { return std::this_thread::get_id() == thread_.get_id(); }
  Stats stats() const;

 private:
  struct Call;
  // What other threads may touch. Outlives the loop in the Cancel functions that callers keep.
  class Inbox;
  struct Counters {
    std::atomic<uint64_t> requests = 0, retries = 0, breaker_rejections = 0, overload_rejections = 0, in_flight = 0,
                          breakers_open = 0;
  };
  struct FreeMulti {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
  };
  using CallPtr = std::shared_ptr<Call>;

  void Run();
  // False once the client is being destroyed.
  bool TakeInbox();
  void Accept(CallPtr call);
  void FireTimers();
  void StartWaiting();
  void StartAttempt(const CallPtr& call);
  void HarvestFinished();
  void OnTimer(const CallPtr& call, absl::Duration now);
  // Takes the attempt off libcurl, whether it has ended or not.
  void StopAttempt(Call& call);
  void ReportToBreaker(Call& call, bool failed);
  // After an attempt: schedules another try, or delivers.
  void EndAttempt(const CallPtr& call, AttemptResult result);
  // How long to wait before another try (and takes it out of the budget); nothing when there is to be none.
  std::optional<absl::Duration> RetryDelay(const Call& call, const AttemptResult& result) const;
  void SetTimer(const CallPtr& call, absl::Duration at);
  void Deliver(const CallPtr& call, AttemptResult result);
  void FinishWith(const CallPtr& call, absl::StatusCode code, std::string_view reason);
  void Finish(const CallPtr& call, absl::StatusOr<Response> result);
  int PollMillis() const;

  const Options options_;
  const core::Clock& clock_ = core::Clock::Real();
  std::unique_ptr<CURLM, FreeMulti> multi_;
  const std::shared_ptr<Inbox> inbox_;
  Counters counters_;

  // The rest belongs to the loop's thread.
  Destinations destinations_;
  int attempts_active_ = 0;
  std::list<CallPtr> waiting_;  // for a connection, in order of arrival
  // One for every call that has not ended: its deadline, or before that the end of its attempt or of its back-off.
  std::set<std::pair<absl::Duration, CallPtr>> timers_;

  std::thread thread_;
};

}  // namespace stratus::http_client
