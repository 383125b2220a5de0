#include "gateway/upstream/discovery.h"

#include <algorithm>
#include <utility>

#include "lib/core/log.h"
#include "lib/core/random.h"
#include "lib/core/status.h"

namespace stratus::gateway::upstream {

Discovery::Discovery(boost::asio::io_context& io, TimerQueue* timers, const ClusterOptions& options,
                     ClusterStats* stats, Resolved resolved)
    : timers_(timers),
      options_(options),
      stats_(stats),
      resolved_(std::move(resolved)),
      timer_([](void* self) { static_cast<Discovery*>(self)->Begin(); }, this) {
  Add(options.address);
  for (const core::Address& address : options.more_addresses) Add(address);
  Collect();
  if (names_.empty()) return;
  resolver_ = options.resolver ? options.resolver(io) : MakeSystemResolver(io);
  Begin();
}

void Discovery::Add(const core::Address& address) {
  if (address.is_unix()) {
    fixed_.push_back(UnixEndpoint(address.unix_path));
  } else if (auto literal = LiteralEndpoint(address.host, address.port); literal.ok()) {
    fixed_.push_back(*std::move(literal));
  } else {
    names_.push_back({address.host, address.port, {}});
  }
}

void Discovery::Begin() {
  timer_.Disarm();
  began_ns_ = TimerQueue::Now();
  pending_ = names_.size();
  round_ = absl::OkStatus();
  for (size_t i = 0; i < names_.size(); ++i) {
    resolver_->Resolve(names_[i].host, names_[i].port, [this, i](absl::StatusOr<std::vector<EndpointAddress>> found) {
      OnAnswer(i, std::move(found));
    });
  }
}

void Discovery::OnAnswer(size_t name, absl::StatusOr<std::vector<EndpointAddress>> found) {
  if (found.ok()) {
    names_[name].found = *std::move(found);
  } else {
    stats_->resolve_failures.Add();
    round_ = found.status();
    if (status_.ok()) {  // once, however long it goes on
      core::Log(core::Severity::kWarning, "upstream's name does not resolve",
                {{"upstream", names_[name].host}, {"error", core::ToStd(round_.message())}});
    }
  }
  if (--pending_ > 0) return;
  status_ = round_;
  Collect();
  const double spread = 0.9 + 0.2 * core::RandomFraction();
  timers_->Arm(&timer_, began_ns_ + absl::ToInt64Nanoseconds(options_.resolve_interval * spread));
  resolved_();
}

void Discovery::Collect() {
  std::vector<EndpointAddress> all;
  const auto take = [&all](const EndpointAddress& endpoint) {
    if (std::find(all.begin(), all.end(), endpoint) == all.end()) all.push_back(endpoint);
  };
  for (const EndpointAddress& endpoint : fixed_) take(endpoint);
  for (const Name& name : names_) {
    for (const EndpointAddress& endpoint : name.found) take(endpoint);
  }
  if (all.size() > kEndpointsMax) {
    core::Log(core::Severity::kWarning, "upstream has too many endpoints: the rest is left out",
              {{"upstream", options_.address.ToString()}, {"endpoints", all.size()}, {"max", kEndpointsMax}});
    all.resize(kEndpointsMax);
  }
  endpoints_ = std::move(all);
}

void Discovery::Refresh() {
  if (names_.empty() || resolving()) return;
  const int64_t earliest = began_ns_ + absl::ToInt64Nanoseconds(options_.resolve_pause);
  if (TimerQueue::Now() >= earliest) {
    Begin();
  } else {
    timers_->Arm(&timer_, earliest);
  }
}

}  // namespace stratus::gateway::upstream
