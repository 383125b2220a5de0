#include "services/sandbox/xray/sampling_api.h"

#include <algorithm>
#include <set>
#include <utility>

namespace stratus::sandbox::xray {
namespace {

constexpr char kRuleName[] = "Default";
constexpr size_t kClientsMax = 1000;
constexpr size_t kDocumentsMax = 25;
constexpr double kIntervalSeconds = 10;
constexpr double kQuotaSeconds = 30;
constexpr double kClockSkewSeconds = 600;

http_server::Response Invalid(const std::string& message) {
  return JsonReply(400, {{"__type", "InvalidRequestException"}, {"message", message}});
}

double Seconds(absl::Time time) { return absl::ToDoubleSeconds(time - absl::UnixEpoch()); }

std::string TokenOf(int page) { return "page-" + std::to_string(page); }

// 1 where the first is asked for, 0 for a token that nobody was given.
int PageOf(const Json& token, int pages) {
  if (token.is_null()) return 1;
  for (int page = 2; page <= pages; ++page) {
    if (token == TokenOf(page)) return page;
  }
  return 0;
}

bool IsClientId(const Json& value) {
  if (!value.is_string()) return false;
  const std::string& text = value.get_ref<const std::string&>();
  return text.size() == 24 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

bool IsCount(const Json& value) { return value.is_number_integer() && value.get<int64_t>() >= 0; }

// What is wrong with a statistics document, or empty.
std::string Check(const Json& document, double now) {
  static const std::set<std::string> kKeys = {"RuleName",     "ClientID",     "Timestamp",
                                              "RequestCount", "SampledCount", "BorrowCount"};
  if (!document.is_object()) return "a statistics document is not an object";
  for (const auto& [key, value] : document.items()) {
    if (!kKeys.contains(key)) return "unknown field " + key;
  }
  for (const std::string& key : kKeys) {
    if (key != "BorrowCount" && !document.contains(key)) return key + " is missing";
  }
  if (!document["RuleName"].is_string()) return "RuleName is not text";
  if (!IsClientId(document["ClientID"])) return "ClientID is not 24 hexadecimal digits";
  const Json& time = document["Timestamp"];
  if (!time.is_number() || std::abs(time.get<double>() - now) > kClockSkewSeconds) return "Timestamp is not the time";
  const Json borrowed = document.value("BorrowCount", Json(0));
  if (!IsCount(document["RequestCount"]) || !IsCount(document["SampledCount"]) || !IsCount(borrowed)) {
    return "a count is none";
  }
  const int64_t recorded = document["SampledCount"].get<int64_t>() + borrowed.get<int64_t>();
  if (recorded > document["RequestCount"].get<int64_t>()) return "more was sampled than requested";
  return "";
}

}  // namespace

std::string SamplingApi::ErrorBody(int status) {
  return ToText({{"__type", status == 429 ? "ThrottledException" : "InternalFailure"}, {"message", "as asked for"}});
}

void SamplingApi::AddRoutes(Router* router) {
  router->Add("POST", "/GetSamplingRules", "xray",
              [this](const http_server::Request& request) { return Rules(request); });
  router->Add("POST", "/SamplingTargets", "xray",
              [this](const http_server::Request& request) { return Targets(request); });
}

void SamplingApi::SetRule(const DefaultRule& rule) {
  core::MutexLock lock(mutex_);
  rule_ = rule;
  modified_ = Seconds(clock_.Now());
}

http_server::Response SamplingApi::Rules(const http_server::Request& request) const {
  const Json body = Json::parse(request.body, nullptr, false);
  if (!body.is_object()) return Invalid("the body is not a JSON object");
  core::MutexLock lock(mutex_);
  int page = 1;
  for (const auto& [key, value] : body.items()) {
    if (key != "NextToken") return Invalid("unknown field " + key);
    page = PageOf(value, rule_.pages);
    if (page == 0) return Invalid("NextToken is none that was given");
  }
  const bool last = page == rule_.pages;
  const std::string name = last ? kRuleName : "Page" + std::to_string(page);
  const Json rule = {{"RuleName", name},
                     {"RuleARN", "arn:aws:xray:us-east-1:000000000000:sampling-rule/" + name},
                     {"ResourceARN", "*"},
                     {"Priority", last ? 10000 : page},
                     {"FixedRate", rule_.fixed_rate},
                     {"ReservoirSize", rule_.reservoir_size},
                     {"ServiceName", last ? "*" : "no-such-service"},
                     {"ServiceType", "*"},
                     {"Host", "*"},
                     {"HTTPMethod", "*"},
                     {"URLPath", "*"},
                     {"Version", 1},
                     {"Attributes", Json::object()}};
  return JsonReply(200, {{"NextToken", last ? Json() : Json(TokenOf(page + 1))},
                         {"SamplingRuleRecords",
                          Json::array({{{"SamplingRule", rule}, {"CreatedAt", 0.0}, {"ModifiedAt", modified_}}})}});
}

http_server::Response SamplingApi::Targets(const http_server::Request& request) {
  const Json body = Json::parse(request.body, nullptr, false);
  const auto documents = body.is_object() ? body.find("SamplingStatisticsDocuments") : body.end();
  if (!body.is_object() || body.size() != 1 || documents == body.end() || !documents->is_array()) {
    return Invalid("the body is not {SamplingStatisticsDocuments: [...]}");
  }
  if (documents->empty() || documents->size() > kDocumentsMax) return Invalid("1 to 25 documents are taken");
  const double now = Seconds(clock_.Now());
  for (const Json& document : *documents) {
    if (const std::string problem = Check(document, now); !problem.empty()) return Invalid(problem);
  }
  Json targets = Json::array(), unprocessed = Json::array();
  core::MutexLock lock(mutex_);
  for (const Json& document : *documents) {
    if (document["RuleName"] != kRuleName) {
      unprocessed.push_back(
          {{"RuleName", document["RuleName"]}, {"ErrorCode", "400"}, {"Message", "there is no such rule"}});
      continue;
    }
    if (rule_.unprocessed > 0) {
      --rule_.unprocessed;
      unprocessed.push_back({{"RuleName", kRuleName}, {"ErrorCode", "500"}, {"Message", "as asked for"}});
      continue;
    }
    const std::string client = document["ClientID"].get<std::string>();
    if (reported_.contains(client) || reported_.size() < kClientsMax) {
      Counts& counts = reported_[client];
      counts.requests += document["RequestCount"].get<int64_t>();
      counts.sampled += document["SampledCount"].get<int64_t>();
      counts.borrowed += document.value("BorrowCount", int64_t{0});
    }
    // Shared out evenly among those who sample by it.
    const auto clients = static_cast<int64_t>(std::max<size_t>(1, reported_.size()));
    targets.push_back({{"RuleName", kRuleName},
                       {"FixedRate", rule_.fixed_rate},
                       {"ReservoirQuota", (rule_.reservoir_size + clients - 1) / clients},
                       {"ReservoirQuotaTTL", now + kQuotaSeconds},
                       {"Interval", kIntervalSeconds}});
  }
  return JsonReply(200, {{"SamplingTargetDocuments", targets},
                         {"LastRuleModification", modified_},
                         {"UnprocessedStatistics", unprocessed}});
}

Json SamplingApi::Reported() const {
  Json json = Json::object();
  core::MutexLock lock(mutex_);
  for (const auto& [client, counts] : reported_) {
    json[client] = {
        {"RequestCount", counts.requests}, {"SampledCount", counts.sampled}, {"BorrowCount", counts.borrowed}};
  }
  return json;
}

}  // namespace stratus::sandbox::xray
