// Delivers topics to subscribers from a thread of its own, so that who notifies never waits for who hears.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "lib/core/mutex.h"

namespace stratus::provisioning::store {

class Notifier {
 public:
  using Callback = std::function<void(std::string_view topic)>;

  Notifier();
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  // Queues `topic`. The same topic, not yet delivered, is delivered once; past a limit of waiting topics all of them
  // become kTopicAll.
  void Publish(std::string_view topic);

  // The callback is not running, and never runs again, once the handle is gone; so the handle must not go within the
  // callback. It may outlive the notifier.
  std::shared_ptr<void> Subscribe(Callback callback);

 private:
  struct Subscriber {
    explicit Subscriber(Callback hears) : callback(std::move(hears)) {}
    core::Mutex mu;
    Callback callback ABSL_GUARDED_BY(mu);  // empty: gone
  };

  void Run();
  void Deliver(std::string_view topic);

  core::Mutex mu_;
  core::CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::set<std::string, std::less<>> topics_ ABSL_GUARDED_BY(mu_);
  std::list<std::weak_ptr<Subscriber>> subscribers_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;  // last: it uses what is above
};

}  // namespace stratus::provisioning::store
