#include "lib/telemetry/central_rules.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "lib/core/random.h"

namespace stratus::telemetry {
namespace {

using Json = nlohmann::json;

constexpr size_t kRulesMax = 1000;
constexpr size_t kStatisticsMax = 25;  // of one SamplingTargets call
constexpr absl::Duration kRulesLast = absl::Hours(1);
constexpr absl::Duration kIntervalMin = absl::Seconds(1);
constexpr absl::Duration kIntervalMax = absl::Minutes(10);

int64_t Nanos(absl::Duration duration) { return absl::ToInt64Nanoseconds(duration); }

// Times come as numbers of seconds, or as text from what speaks no AWS JSON.
std::optional<double> Number(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  const double value = found->get<double>();
  if (!std::isfinite(value)) return std::nullopt;
  return value;
}

bool ReadText(const Json& object, const char* key, std::string* to) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return false;
  *to = found->get<std::string>();
  return true;
}

// A rule that this code can apply: rules of another version, of one resource, or about attributes that services set
// are for others.
std::optional<SamplingRule> ReadRule(const Json& record) {
  const auto found = record.is_object() ? record.find("SamplingRule") : record.end();
  if (!record.is_object() || found == record.end() || !found->is_object()) return std::nullopt;
  const Json& json = *found;
  SamplingRule rule;
  std::string resource = "*";
  ReadText(json, "ResourceARN", &resource);
  const auto attributes = json.find("Attributes");
  const bool plain = attributes == json.end() || attributes->is_null() || attributes->empty();
  const std::optional<double> priority = Number(json, "Priority"), rate = Number(json, "FixedRate"),
                              size = Number(json, "ReservoirSize");
  const bool texts = ReadText(json, "RuleName", &rule.name) && ReadText(json, "Host", &rule.host) &&
                     ReadText(json, "HTTPMethod", &rule.http_method) && ReadText(json, "URLPath", &rule.url_path) &&
                     ReadText(json, "ServiceName", &rule.service_name) &&
                     ReadText(json, "ServiceType", &rule.service_type);
  if (Number(json, "Version").value_or(0) != 1 || resource != "*" || !plain || !texts || !priority || !rate || !size) {
    return std::nullopt;
  }
  if (*rate < 0 || *rate > 1 || *size < 0 || *size > 1e6 || *priority < 0 || *priority > 1e6) return std::nullopt;
  rule.priority = static_cast<int64_t>(*priority);
  rule.fixed_rate = *rate;
  rule.reservoir_size = static_cast<int64_t>(*size);
  return rule;
}

// False when the text is no page of an answer, or there are more rules than anyone has.
bool ReadPage(const std::string& text, std::vector<SamplingRule>* rules) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto records = json.is_object() ? json.find("SamplingRuleRecords") : json.end();
  if (!json.is_object() || records == json.end() || !records->is_array()) return false;
  if (records->size() > kRulesMax - rules->size()) return false;
  for (const Json& record : *records) {
    if (std::optional<SamplingRule> rule = ReadRule(record)) rules->push_back(*std::move(rule));
  }
  return true;
}

// The rules whose counts did not get through, although the answer did.
std::set<std::string> Unprocessed(const Json& answer) {
  std::set<std::string> names;
  const auto list = answer.find("UnprocessedStatistics");
  if (list == answer.end() || !list->is_array()) return names;
  for (const Json& document : *list) {
    std::string name;
    if (document.is_object() && ReadText(document, "RuleName", &name)) names.insert(std::move(name));
  }
  return names;
}

}  // namespace

CentralRules::CentralRules(Sampler* fallback, const core::Clock* clock, Draw draw)
    : fallback_(fallback), clock_(clock), draw_(draw ? std::move(draw) : Draw(core::RandomFraction)) {}

std::shared_ptr<const CentralRules::Entries> CentralRules::Current() const {
  core::MutexLock lock(mutex_);
  return entries_;
}

bool CentralRules::Sample(const SamplingRequest& request) {
  const absl::Duration now = clock_->Monotonic();
  const std::shared_ptr<const Entries> entries = Current();
  if (entries == nullptr || Nanos(now) >= rules_end_ns_.load(std::memory_order_relaxed)) {
    return fallback_->Sample(request);
  }
  for (const Entry& entry : *entries) {
    if (entry.rule.Matches(request)) return Decide(entry, now);
  }
  return fallback_->Sample(request);
}

bool CentralRules::Decide(const Entry& entry, absl::Duration now) const {
  Usage& usage = *entry.usage;
  usage.counts.requests.fetch_add(1, std::memory_order_relaxed);
  const int64_t second = absl::ToInt64Seconds(now);
  const int64_t quota = usage.quota.load(std::memory_order_relaxed);
  if (quota >= 0 && Nanos(now) < usage.quota_ends_ns.load(std::memory_order_relaxed)) {
    if (usage.reservoir.Take(second, quota)) {
      usage.counts.sampled.fetch_add(1, std::memory_order_relaxed);
      return true;
    }
  } else if (usage.reservoir.Take(second, std::min<int64_t>(1, entry.rule.reservoir_size))) {
    usage.counts.borrowed.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  if (draw_() >= usage.rate.load(std::memory_order_relaxed)) return false;
  usage.counts.sampled.fetch_add(1, std::memory_order_relaxed);
  return true;
}

std::optional<std::string> CentralRules::NextToken(std::string_view page) {
  const Json json = Json::parse(page, nullptr, /*allow_exceptions=*/false);
  std::string token;
  if (!json.is_object() || !ReadText(json, "NextToken", &token) || token.empty()) return std::nullopt;
  return token;
}

absl::Status CentralRules::TakeRules(absl::Span<const std::string> pages) {
  std::vector<SamplingRule> rules;
  for (const std::string& page : pages) {
    if (!ReadPage(page, &rules)) return absl::InvalidArgumentError("the answer holds no list of sampling rules");
  }
  const std::shared_ptr<const Entries> before = Current();
  auto entries = std::make_shared<Entries>();
  for (SamplingRule& rule : rules) {
    std::shared_ptr<Usage> usage;
    if (before != nullptr) {
      const auto same = std::find_if(before->begin(), before->end(),
                                     [&](const Entry& entry) { return entry.rule.name == rule.name; });
      if (same != before->end()) usage = same->usage;
    }
    if (usage == nullptr) usage = std::make_shared<Usage>();
    usage->rate.store(rule.fixed_rate, std::memory_order_relaxed);
    entries->push_back({std::move(rule), std::move(usage)});
  }
  std::sort(entries->begin(), entries->end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.rule.priority, a.rule.name) < std::tie(b.rule.priority, b.rule.name);
  });
  rules_end_ns_.store(Nanos(clock_->Monotonic() + kRulesLast));
  rules_taken_unix_.store(absl::ToUnixSeconds(clock_->Now()));
  core::MutexLock lock(mutex_);
  entries_ = std::move(entries);
  return absl::OkStatus();
}

std::optional<std::string> CentralRules::TakeStatistics(const std::string& client_id) {
  const std::shared_ptr<const Entries> entries = Current();
  if (entries == nullptr) return std::nullopt;
  const int64_t now = Nanos(clock_->Monotonic());
  std::vector<const Entry*> due;
  for (const Entry& entry : *entries) {
    if (entry.usage->report_due_ns.load() <= now && entry.usage->counts.requests.load() > 0) due.push_back(&entry);
  }
  // Who has waited longest comes first, or those beyond the limit would never get a quota.
  std::stable_sort(due.begin(), due.end(), [](const Entry* a, const Entry* b) {
    return a->usage->report_due_ns.load() < b->usage->report_due_ns.load();
  });
  if (due.size() > kStatisticsMax) due.resize(kStatisticsMax);
  Json documents = Json::array();
  for (const Entry* entry : due) {
    Usage& usage = *entry->usage;
    const auto take = [](std::atomic<int64_t>* from, std::atomic<int64_t>* sent) {
      const int64_t count = from->exchange(0);
      sent->store(count);
      return count;
    };
    usage.report_due_ns.store(now + usage.interval_ns.load());
    documents.push_back({{"RuleName", entry->rule.name},
                         {"ClientID", client_id},
                         {"Timestamp", absl::ToUnixSeconds(clock_->Now())},
                         {"RequestCount", take(&usage.counts.requests, &usage.sent.requests)},
                         {"SampledCount", take(&usage.counts.sampled, &usage.sent.sampled)},
                         {"BorrowCount", take(&usage.counts.borrowed, &usage.sent.borrowed)}});
  }
  if (documents.empty()) return std::nullopt;
  const Json body = {{"SamplingStatisticsDocuments", std::move(documents)}};
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void CentralRules::GiveBack() {
  const std::shared_ptr<const Entries> entries = Current();
  if (entries == nullptr) return;
  for (const Entry& entry : *entries) GiveBack(entry.usage.get());
}

void CentralRules::GiveBack(Usage* usage) {
  usage->counts.requests.fetch_add(usage->sent.requests.exchange(0));
  usage->counts.sampled.fetch_add(usage->sent.sampled.exchange(0));
  usage->counts.borrowed.fetch_add(usage->sent.borrowed.exchange(0));
}

absl::Status CentralRules::TakeTargets(std::string_view text, bool* rules_changed) {
  *rules_changed = false;
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto targets = json.is_object() ? json.find("SamplingTargetDocuments") : json.end();
  if (!json.is_object() || targets == json.end() || !targets->is_array()) {
    return absl::InvalidArgumentError("the answer holds no list of sampling targets");
  }
  const std::shared_ptr<const Entries> entries = Current();
  if (entries == nullptr) return absl::OkStatus();
  const std::set<std::string> unprocessed = Unprocessed(json);
  for (const Entry& entry : *entries) {
    if (unprocessed.count(entry.rule.name) > 0) GiveBack(entry.usage.get());
    entry.usage->sent.requests = entry.usage->sent.sampled = entry.usage->sent.borrowed = 0;
  }
  const absl::Duration now = clock_->Monotonic();
  for (const Json& target : *targets) {
    std::string name;
    if (!target.is_object() || !ReadText(target, "RuleName", &name)) continue;
    const auto entry = std::find_if(entries->begin(), entries->end(),
                                    [&](const Entry& candidate) { return candidate.rule.name == name; });
    if (entry == entries->end()) continue;
    Usage& usage = *entry->usage;
    const std::optional<double> rate = Number(target, "FixedRate"), quota = Number(target, "ReservoirQuota"),
                                ttl = Number(target, "ReservoirQuotaTTL"), interval = Number(target, "Interval");
    if (rate && *rate >= 0 && *rate <= 1) usage.rate.store(*rate, std::memory_order_relaxed);
    if (quota && ttl && *quota >= 0 && *quota <= 1e6) {
      // The end is a time of day; from here on it is a duration, so that a clock that is set moves no quota.
      const absl::Duration left = std::min(absl::Seconds(*ttl) - (clock_->Now() - absl::UnixEpoch()), absl::Hours(1));
      usage.quota_ends_ns.store(Nanos(now + left), std::memory_order_relaxed);
      usage.quota.store(static_cast<int64_t>(*quota), std::memory_order_relaxed);
    }
    if (interval) usage.interval_ns.store(Nanos(std::clamp(absl::Seconds(*interval), kIntervalMin, kIntervalMax)));
  }
  const std::optional<double> modified = Number(json, "LastRuleModification");
  *rules_changed = modified && *modified > static_cast<double>(rules_taken_unix_.load());
  return absl::OkStatus();
}

}  // namespace stratus::telemetry
