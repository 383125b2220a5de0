#include "services/sandbox/digitalocean/api.h"

#include <openssl/sha.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/core/random.h"
#include "lib/core/status.h"
#include "services/sandbox/digitalocean/droplets.h"
#include "services/sandbox/digitalocean/keys.h"
#include "services/sandbox/digitalocean/projects.h"
#include "services/sandbox/digitalocean/routes.h"
#include "services/sandbox/digitalocean/vpcs.h"
#include "services/sandbox/json.h"

namespace stratus::sandbox::digitalocean {
namespace {

constexpr std::string_view kTokenPrefix = "dop_";
constexpr size_t kTokenBytesMax = 256;
constexpr absl::Duration kWaitMax = absl::Minutes(10);
constexpr absl::Duration kWindow = absl::Hours(1);

std::string_view TargetOf(Effect effect) {
  switch (effect) {
    case Effect::kRead: return "digitalocean.read";
    case Effect::kCreate: return "digitalocean.create";
    case Effect::kChange: return "digitalocean.change";
    case Effect::kDelete: return "digitalocean.delete";
  }
  return "";
}

std::string AccountId(std::string_view token) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), digest);
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest), 8});
}

absl::Duration Draw(absl::Duration min, absl::Duration max) { return min + (max - min) * core::RandomFraction(); }

// Null where there is no body; discarded where it is none of JSON's.
Json ParseBody(const http_server::Request& request) {
  return request.body.empty() ? Json() : Json::parse(request.body, nullptr, false);
}

bool IsJson(const http_server::Request& request) {
  return absl::StartsWithIgnoreCase(core::ToAbsl(request.Header("content-type")), "application/json");
}

// Every error says which request it is about, as every reply does in a header.
void AddRequestId(http_server::Response* response) {
  const std::string id = NewUuid();
  response->headers.emplace_back("x-request-id", id);
  if (response->status < 400) return;
  Json body = Json::parse(response->body, nullptr, false);
  if (!body.is_object()) return;
  body["request_id"] = id;
  response->body = ToText(body);
}

}  // namespace

// A create under way, from its coming to its reply.
class Api::Create {
 public:
  Create(Api* api, bool counts) : api_(counts ? api : nullptr) {
    if (api_ == nullptr) return;
    core::MutexLock lock(api_->mutex_);
    ++api_->creates_in_flight_;
    ++api_->creates_begun_;
    const absl::Duration whole = Draw(api_->behaviour_.create_min, api_->behaviour_.create_max);
    before_ = whole * core::RandomFraction();
    after_ = whole - before_;
  }
  ~Create() {
    if (api_ == nullptr) return;
    core::MutexLock lock(api_->mutex_);
    --api_->creates_in_flight_;
  }
  Create(const Create&) = delete;
  Create& operator=(const Create&) = delete;

  absl::Duration before() const { return before_; }
  absl::Duration after() const { return after_; }

 private:
  Api* const api_;
  absl::Duration before_;
  absl::Duration after_;
};

Api::Api(std::string token, const core::Clock* clock, Faults* faults)
    : token_(std::move(token)), clock_(clock), faults_(faults) {}

void Api::AddRoutes(Router* router) {
  faults_->AddTarget("digitalocean", ErrorBody);
  for (const Effect effect : {Effect::kRead, Effect::kCreate, Effect::kChange, Effect::kDelete}) {
    faults_->AddTarget(TargetOf(effect), ErrorBody);
  }
  faults_->AddEvent("digitalocean.boot");
  router->AddTree("/v2/", [this](const http_server::Request& request) { return Answer(request); });
}

http_server::Response Api::Answer(const http_server::Request& request) {
  return faults_->Answer("digitalocean", [&] {
    std::vector<std::string> ids;
    const Route* route = FindRoute(request, &ids);
    if (route == nullptr) {
      http_server::Response response = NotFound();
      AddRequestId(&response);
      return response;
    }
    return faults_->Answer(TargetOf(route->effect), [&] { return Serve(*route, request, std::move(ids)); });
  });
}

http_server::Response Api::Serve(const Route& route, const http_server::Request& request,
                                 std::vector<std::string> ids) {
  http_server::Response limits;
  http_server::Response response;
  const Json body = ParseBody(request);
  Account* account = FindAccount(request.Header("authorization"));
  if (account == nullptr) {
    response = Refuse(401, "Unable to authenticate you");
  } else if (CountCall(*account, &limits)) {
    response = Refuse(429, "Too many requests");
  } else if (!request.body.empty() && !IsJson(request)) {
    response = Refuse(415, "The content type must be application/json");
  } else if (!body.is_null() && !body.is_object()) {
    response = Refuse(400, "The request body is not a JSON object");
  } else {
    response = Perform(route, {request, std::move(ids), body}, *account);
  }
  response.headers.insert(response.headers.end(), limits.headers.begin(), limits.headers.end());
  AddRequestId(&response);
  return response;
}

http_server::Response Api::Perform(const Route& route, const Call& call, Account& account) {
  const Create create(this, route.effect == Effect::kCreate);
  if (!Wait(create.before())) return Refuse(503, "Server was unable to give you a response.");
  http_server::Response response;
  {
    core::MutexLock lock(mutex_);
    const auto boot = [faults = faults_, min = behaviour_.boot_min, max = behaviour_.boot_max] {
      return faults->Strikes("digitalocean.boot") ? absl::InfiniteDuration() : Draw(min, max);
    };
    Scene scene{account, clock_->Now(), clock_->Monotonic(), boot, last_id_};
    response = route.handler(scene, call);
    if (route.effect == Effect::kCreate && response.status < 300) ++creates_made_;
  }
  Wait(create.after());
  return response;
}

Account* Api::FindAccount(std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer ";
  if (!absl::StartsWithIgnoreCase(core::ToAbsl(authorization), core::ToAbsl(kScheme))) return nullptr;
  const std::string_view token = authorization.substr(kScheme.size());
  if (token.size() > kTokenBytesMax) return nullptr;
  if (!token.starts_with(kTokenPrefix) && (token_.empty() || token != token_)) return nullptr;
  std::string id = AccountId(token);
  core::MutexLock lock(mutex_);
  if (const auto found = accounts_.find(id); found != accounts_.end()) return &found->second;
  if (accounts_.size() >= kAccountsMax) return nullptr;
  Account& account = accounts_[id];
  account.id = std::move(id);
  account.uuid = NewUuid();
  Project project = MakeDefaultProject(clock_->Now());
  account.projects.emplace(project.id, std::move(project));
  return &account;
}

bool Api::CountCall(Account& account, http_server::Response* response) {
  const absl::Time now = clock_->Now();
  core::MutexLock lock(mutex_);
  if (now - account.window_start >= kWindow) {
    account.window_start = now;
    account.calls = 0;
  }
  const int64_t limit = behaviour_.calls_per_hour;
  const bool over = ++account.calls > limit;
  const absl::Time reset = account.window_start + kWindow;
  response->headers = {{"ratelimit-limit", absl::StrCat(limit)},
                       {"ratelimit-remaining", absl::StrCat(std::max<int64_t>(limit - account.calls, 0))},
                       {"ratelimit-reset", absl::StrCat(absl::ToUnixSeconds(reset))}};
  if (over) response->headers.emplace_back("retry-after", absl::StrCat(absl::ToInt64Seconds(reset - now) + 1));
  return over;
}

bool Api::Wait(absl::Duration time) {
  core::MutexLock lock(mutex_);
  const absl::Duration end = core::Clock::Real().Monotonic() + time;
  while (!stopped_) {
    const absl::Duration left = end - core::Clock::Real().Monotonic();
    if (left <= absl::ZeroDuration()) return true;
    stopping_.WaitFor(lock, absl::ToChronoNanoseconds(left));
  }
  return false;
}

void Api::Stop() {
  core::MutexLock lock(mutex_);
  stopped_ = true;
  stopping_.NotifyAll();
}

absl::Status Api::Set(const Behaviour& behaviour) {
  const auto is_range = [](absl::Duration min, absl::Duration max) {
    return min >= absl::ZeroDuration() && max >= min && max <= kWaitMax;
  };
  if (!is_range(behaviour.create_min, behaviour.create_max)) {
    return absl::InvalidArgumentError("create_ms_min and create_ms_max must be a range from 0 to 600000");
  }
  if (!is_range(behaviour.boot_min, behaviour.boot_max)) {
    return absl::InvalidArgumentError("boot_ms_min and boot_ms_max must be a range from 0 to 600000");
  }
  if (behaviour.calls_per_hour < 1) return absl::InvalidArgumentError("calls_per_hour must be at least 1");
  core::MutexLock lock(mutex_);
  behaviour_ = behaviour;
  return absl::OkStatus();
}

Behaviour Api::behaviour() const {
  core::MutexLock lock(mutex_);
  return behaviour_;
}

void Api::ReleaseStuck() {
  core::MutexLock lock(mutex_);
  for (auto& [id, account] : accounts_) {
    for (auto& [droplet_id, droplet] : account.droplets) {
      if (droplet.ready_at == absl::InfiniteDuration()) droplet.ready_at = clock_->Monotonic();
    }
    for (auto& [action_id, action] : account.actions) {
      if (action.done_at == absl::InfiniteDuration()) action.done_at = clock_->Monotonic();
    }
  }
}

std::string Api::Report() const {
  core::MutexLock lock(mutex_);
  Json accounts = Json::array();
  for (const auto& [id, account] : accounts_) {
    Json report = {{"account", id}};
    for (const char* family : {"droplets", "ssh_keys", "tags", "vpcs", "projects"}) report[family] = Json::array();
    for (const auto& [key, droplet] : account.droplets) {
      report["droplets"].push_back(ToJson(account, droplet, clock_->Monotonic()));
    }
    for (const auto& [key, ssh_key] : account.keys) report["ssh_keys"].push_back(ToJson(ssh_key));
    for (const auto& [key, tag] : account.tags) report["tags"].push_back(tag.name);
    for (const auto& [key, vpc] : account.vpcs) report["vpcs"].push_back(ToJson(vpc));
    for (const auto& [key, project] : account.projects) report["projects"].push_back(ToJson(account, project));
    accounts.push_back(std::move(report));
  }
  return ToText({{"creates", {{"in_flight", creates_in_flight_}, {"begun", creates_begun_}, {"made", creates_made_}}},
                 {"accounts", std::move(accounts)}});
}

std::string Api::ErrorBody(int status) {
  http_server::Response response = Refuse(status, status == 429   ? "Too many requests"
                                                  : status >= 500 ? "Server was unable to give you a response."
                                                                  : "The request was refused.");
  AddRequestId(&response);
  return response.body;
}

}  // namespace stratus::sandbox::digitalocean
