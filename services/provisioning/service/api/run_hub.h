// Who waits for which run. One subscription to the store's topics wakes them all; one thread keeps their deadlines and,
// as topics may be lost, wakes each now and then by itself. A waiter holds no thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/core/mutex.h"
#include "services/provisioning/store/store.h"

namespace stratus::provisioning::service {

class RunHub {
 public:
  struct Options {
    size_t waiters_max = 10'000;
    size_t waiters_tenant_max = 1'000;
    absl::Duration poll_interval = absl::Seconds(3);
  };
  enum class Wake {
    kLook,    // there may be something new
    kTimeUp,  // the deadline has passed; comes again with every poll until the waiter goes
  };
  // Runs on any thread and must not block. A waiter that was destroyed meanwhile may be woken once more.
  using Callback = std::function<void(Wake)>;

  // Its place in the hub goes with it.
  class Waiter {
   public:
    ~Waiter() { hub_->Remove(id_); }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

   private:
    friend class RunHub;
    Waiter(RunHub* hub, uint64_t id) : hub_(hub), id_(id) {}
    RunHub* const hub_;
    const uint64_t id_;
  };

  // `store` outlives it, and it outlives its waiters.
  RunHub(store::Store* store, const Options& options);
  ~RunHub();
  RunHub(const RunHub&) = delete;
  RunHub& operator=(const RunHub&) = delete;

  // RESOURCE_EXHAUSTED, with RetryInfo: too many waiters, of this tenant or in all. UNAVAILABLE: draining.
  absl::StatusOr<std::unique_ptr<Waiter>> Add(std::string_view tenant, std::string_view run_uid, absl::Time deadline,
                                              Callback callback);

  // Tells all waiters that their time is up, and takes no new ones (UNAVAILABLE): so that a server that stops answers
  // them at once.
  void Drain();

  // Wakes nobody any more, and drops their callbacks. Not from a callback.
  void Stop();

  size_t waiters() const;
  uint64_t refused() const;

 private:
  using Ticks = int64_t;  // steady nanoseconds
  struct Entry {
    std::string tenant;
    std::string run_uid;
    std::shared_ptr<const Callback> callback;
    Ticks deadline;
    Ticks next;  // when to wake it by itself
  };

  void Remove(uint64_t id);
  void OnTopic(std::string_view topic);
  void Run();
  // Takes the callbacks that are due out of the schedule and puts their next times in.
  std::vector<std::pair<std::shared_ptr<const Callback>, Wake>> TakeDue(Ticks now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  mutable core::Mutex mutex_;
  core::CondVar changed_;
  std::map<uint64_t, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::multimap<std::string, uint64_t, std::less<>> by_run_ ABSL_GUARDED_BY(mutex_);
  std::multimap<Ticks, uint64_t> schedule_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, size_t, std::less<>> per_tenant_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  uint64_t refused_ ABSL_GUARDED_BY(mutex_) = 0;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<store::Store::Subscription> subscription_;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace stratus::provisioning::service
