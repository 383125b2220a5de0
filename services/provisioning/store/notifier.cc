#include "services/provisioning/store/notifier.h"

#include <utility>
#include <vector>

#include "services/provisioning/store/store.h"

namespace stratus::provisioning::store {
namespace {

constexpr size_t kTopicsMax = 4096;

}  // namespace

Notifier::Notifier() : thread_([this] { Run(); }) {}

Notifier::~Notifier() {
  {
    core::MutexLock lock(mu_);
    stopping_ = true;
    wake_.NotifyAll();
  }
  thread_.join();
}

void Notifier::Publish(std::string_view topic) {
  core::MutexLock lock(mu_);
  if (topics_.size() >= kTopicsMax) {
    topics_.clear();
    topic = kTopicAll;
  }
  topics_.emplace(topic);
  wake_.NotifyOne();
}

std::shared_ptr<void> Notifier::Subscribe(Callback callback) {
  auto subscriber = std::make_shared<Subscriber>(std::move(callback));
  {
    core::MutexLock lock(mu_);
    subscribers_.push_back(subscriber);
  }
  // The handle's end waits for a delivery that is under way, by the subscriber's own lock.
  Subscriber* const raw = subscriber.get();
  return {raw, [owner = std::move(subscriber)](Subscriber* leaving) {
            core::MutexLock lock(leaving->mu);
            leaving->callback = nullptr;
          }};
}

void Notifier::Run() {
  while (true) {
    std::set<std::string, std::less<>> topics;
    {
      core::MutexLock lock(mu_);
      while (topics_.empty() && !stopping_) wake_.Wait(lock);
      if (stopping_) return;
      topics.swap(topics_);
    }
    for (const std::string& topic : topics) Deliver(topic);
  }
}

void Notifier::Deliver(std::string_view topic) {
  std::vector<std::shared_ptr<Subscriber>> subscribers;
  {
    core::MutexLock lock(mu_);
    for (auto it = subscribers_.begin(); it != subscribers_.end();) {
      std::shared_ptr<Subscriber> subscriber = it->lock();
      it = subscriber == nullptr ? subscribers_.erase(it) : std::next(it);
      if (subscriber != nullptr) subscribers.push_back(std::move(subscriber));
    }
  }
  for (const std::shared_ptr<Subscriber>& subscriber : subscribers) {
    core::MutexLock lock(subscriber->mu);
    if (subscriber->callback) subscriber->callback(topic);
  }
}

}  // namespace stratus::provisioning::store
