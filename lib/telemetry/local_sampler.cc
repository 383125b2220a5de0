#include "lib/telemetry/local_sampler.h"

#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/random.h"

namespace stratus::telemetry {
namespace {

using Json = nlohmann::json;

constexpr size_t kRulesMax = 100;

absl::Status Wrong(const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("sampling rules: ", what));
}

// 0 to `max`; nothing for what is no such number.
absl::StatusOr<double> Number(const Json& rule, const std::string& where, const char* key, double max) {
  const auto found = rule.find(key);
  if (found == rule.end()) return Wrong(absl::StrCat(where, " has no `", key, "`"));
  const double value = found->is_number() ? found->get<double>() : -1;
  if (!(value >= 0 && value <= max)) return Wrong(absl::StrCat(where, ".", key, " is not a number from 0 to ", max));
  return value;
}

absl::Status ReadPatterns(const Json& json, const std::string& where, const char* host_key, SamplingRule* rule) {
  for (const auto& [key, to] : {std::pair<const char*, std::string*>{host_key, &rule->host},
                                {"http_method", &rule->http_method},
                                {"url_path", &rule->url_path},
                                {"description", &rule->name}}) {
    const auto found = json.find(key);
    if (found == json.end()) continue;
    if (!found->is_string()) return Wrong(absl::StrCat(where, ".", key, " is not text"));
    *to = found->get<std::string>();
  }
  return absl::OkStatus();
}

absl::StatusOr<SamplingRule> ReadRule(const Json& json, const std::string& where, const char* host_key, bool patterns) {
  if (!json.is_object()) return Wrong(absl::StrCat(where, " is not an object"));
  std::set<std::string> known = {"fixed_target", "rate"};
  if (patterns) known.insert({"description", host_key, "http_method", "url_path"});
  for (const auto& [key, value] : json.items()) {
    if (!known.contains(key)) return Wrong(absl::StrCat(where, " has an unknown key `", key, "`"));
  }
  SamplingRule rule;
  rule.name = where;
  if (patterns) {
    if (absl::Status read = ReadPatterns(json, where, host_key, &rule); !read.ok()) return read;
  }
  const absl::StatusOr<double> target = Number(json, where, "fixed_target", 1e6);
  if (!target.ok()) return target.status();
  const absl::StatusOr<double> rate = Number(json, where, "rate", 1);
  if (!rate.ok()) return rate.status();
  rule.reservoir_size = static_cast<int64_t>(*target);
  rule.fixed_rate = *rate;
  return rule;
}

}  // namespace

absl::StatusOr<std::vector<SamplingRule>> ParseSamplingRulesFile(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Wrong("the file is not a JSON object");
  for (const auto& [key, value] : json.items()) {
    if (key != "version" && key != "default" && key != "rules") return Wrong(absl::StrCat("unknown key `", key, "`"));
  }
  const auto version = json.find("version");
  if (version == json.end() || (*version != 1 && *version != 2)) return Wrong("`version` is neither 1 nor 2");
  const char* const host_key = *version == 1 ? "service_name" : "host";
  std::vector<SamplingRule> rules;
  if (const auto listed = json.find("rules"); listed != json.end()) {
    if (!listed->is_array() || listed->size() > kRulesMax) {
      return Wrong(absl::StrCat("`rules` is not a list of at most ", kRulesMax));
    }
    for (const Json& entry : *listed) {
      auto rule = ReadRule(entry, absl::StrCat("rules[", rules.size(), "]"), host_key, true);
      if (!rule.ok()) return rule.status();
      rules.push_back(*std::move(rule));
    }
  }
  const auto fallback = json.find("default");
  if (fallback == json.end()) return Wrong("there is no `default`");
  auto rule = ReadRule(*fallback, "default", host_key, false);
  if (!rule.ok()) return rule.status();
  rules.push_back(*std::move(rule));
  return rules;
}

std::vector<SamplingRule> FallbackRules() {
  SamplingRule rule;
  rule.name = "fallback";
  rule.reservoir_size = 1;
  rule.fixed_rate = 0.05;
  return {rule};
}

LocalSampler::LocalSampler(const std::vector<SamplingRule>& rules, const core::Clock* clock, Draw draw)
    : clock_(clock), draw_(draw ? std::move(draw) : Draw(core::RandomFraction)) {
  for (const SamplingRule& rule : rules) {
    entries_.push_back(std::make_unique<Entry>());
    entries_.back()->rule = rule;
  }
}

bool LocalSampler::Sample(const SamplingRequest& request) {
  for (const auto& entry : entries_) {
    if (!entry->rule.Matches(request)) continue;
    const int64_t second = absl::ToInt64Seconds(clock_->Monotonic());
    return entry->reservoir.Take(second, entry->rule.reservoir_size) || draw_() < entry->rule.fixed_rate;
  }
  return false;
}

}  // namespace stratus::telemetry
