#include "gateway/upstream/balancer.h"

#include <algorithm>

#include "lib/core/log.h"

namespace stratus::gateway::upstream {

void Balancer::Update(const std::vector<std::unique_ptr<Endpoint>>& endpoints) {
  preferred_.clear();
  others_.clear();
  for (const auto& endpoint : endpoints) (endpoint->eligible() ? preferred_ : others_).push_back(endpoint.get());
  const bool panic = preferred_.size() * 100 < endpoints.size() * static_cast<size_t>(options_.panic_percent);
  if (panic) {
    preferred_.insert(preferred_.end(), others_.begin(), others_.end());
    others_.clear();
  }
  NotePanic(panic);
}

void Balancer::NotePanic(bool panic) {
  if (panic == panic_) return;
  panic_ = panic;
  if (!panic) return;
  stats_->panics.Add();
  core::Log(core::Severity::kWarning, "too few healthy endpoints: all of them are used",
            {{"upstream", options_.address.ToString()}});
}

Balancer::Choice Balancer::Choose(Kind kind, const Endpoint* avoid) {
  if (options_.balancing == Balancing::kLeastRequest && preferred_.size() > 1) {
    if (const Choice choice = ByLoad(kind, avoid); choice.connection != nullptr) return choice;
  }
  Choice choice = ByRotation(preferred_, kind, avoid);
  if (choice.connection != nullptr) return choice;
  if (avoid != nullptr) choice = ByRotation(preferred_, kind, nullptr);
  if (choice.connection != nullptr || others_.empty()) return choice;
  // Better an endpoint of bad repute than none at all.
  const bool hope = std::any_of(preferred_.begin(), preferred_.end(),
                                [kind](Endpoint* endpoint) { return endpoint->pool(kind).promising(); });
  return hope ? choice : ByRotation(others_, kind, nullptr);
}

Balancer::Choice Balancer::ByRotation(const std::vector<Endpoint*>& from, Kind kind, const Endpoint* avoid) {
  const size_t count = from.size();
  const size_t first = count > 1 ? next_++ % count : 0;
  for (size_t i = 0; i < count; ++i) {
    Endpoint* endpoint = from[first + i < count ? first + i : first + i - count];
    if (endpoint == avoid) continue;
    if (Connection* connection = endpoint->pool(kind).Ready()) return {endpoint, connection};
  }
  return {};
}

Endpoint* Balancer::Random() { return preferred_[absl::Uniform<size_t>(random_, 0, preferred_.size())]; }

Balancer::Choice Balancer::ByLoad(Kind kind, const Endpoint* avoid) {
  Endpoint* one = Random();
  Endpoint* two = Random();
  while (two == one) two = Random();
  if (one == avoid || (two != avoid && two->streams() < one->streams())) std::swap(one, two);
  // Both are asked, so that one that is not connected yet gets to be.
  Connection* first = one->pool(kind).Ready();
  Connection* second = two->pool(kind).Ready();
  if (first != nullptr) return {one, first};
  return {second != nullptr && two != avoid ? two : nullptr, two != avoid ? second : nullptr};
}

}  // namespace stratus::gateway::upstream
