#include "lib/telemetry/sampling_poller.h"

#include <signal.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/core/log.h"
#include "lib/core/random.h"
#include "lib/core/status.h"
#include "lib/http_client/http_client.h"

namespace stratus::telemetry {
namespace {

constexpr size_t kPagesMax = 20;

std::string Quoted(const std::string& text) {
  std::string quoted;
  core::AppendJsonString(&quoted, text);
  return quoted;
}

// Up to a tenth more, so that programs that started together do not ask together for ever.
absl::Duration Jittered(absl::Duration duration, double fraction) { return duration * (1 + fraction / 10); }

http_client::Options ClientOptions() {
  http_client::Options options;
  options.default_timeout = absl::Seconds(5);
  options.connect_timeout = absl::Seconds(2);
  options.response_bytes_max = 1 << 20;
  options.connections_max = 2;
  options.attempts_max = 1;  // the schedule tries again
  options.user_agent = "stratus-telemetry";
  return options;
}

}  // namespace

SamplingSchedule::SamplingSchedule(CentralRules* rules, std::string client_id, const core::Clock* clock,
                                   std::function<double()> jitter)
    : rules_(*rules),
      client_id_(std::move(client_id)),
      clock_(*clock),
      jitter_(std::move(jitter)),
      rules_due_(clock->Monotonic()),
      targets_due_(clock->Monotonic() + Jittered(kTargetsEvery, jitter_())) {}

absl::Duration SamplingSchedule::Turn(const Post& post) {
  if (clock_.Monotonic() >= rules_due_) AskForRules(post);
  if (clock_.Monotonic() >= targets_due_) AskForTargets(post);
  return std::max(absl::Milliseconds(1), std::min(rules_due_, targets_due_) - clock_.Monotonic());
}

// All pages or none: half the rules would sample by the wrong ones.
absl::Status SamplingSchedule::FetchRules(const Post& post) {
  std::vector<std::string> pages;
  std::string body = "{}";
  while (pages.size() < kPagesMax) {
    absl::StatusOr<std::string> page = post("/GetSamplingRules", body);
    if (!page.ok()) return page.status();
    pages.push_back(*std::move(page));
    const std::optional<std::string> token = CentralRules::NextToken(pages.back());
    if (!token) return rules_.TakeRules(pages);
    body = absl::StrCat("{\"NextToken\":", Quoted(*token), "}");
  }
  return absl::ResourceExhaustedError(absl::StrCat("the rules have more than ", kPagesMax, " pages"));
}

void SamplingSchedule::AskForRules(const Post& post) {
  const absl::Status status = FetchRules(post);
  // Rules that are not there yet are asked for again with the targets.
  rules_due_ = clock_.Monotonic() + Jittered(status.ok() ? kRulesEvery : kTargetsEvery, jitter_());
  if (!status.ok()) return Failed("sampling rules", status);
  failing_ = false;
}

void SamplingSchedule::AskForTargets(const Post& post) {
  targets_due_ = clock_.Monotonic() + Jittered(kTargetsEvery, jitter_());
  const std::optional<std::string> body = rules_.TakeStatistics(client_id_);
  if (!body) return;
  absl::StatusOr<std::string> answer = post("/SamplingTargets", *body);
  bool rules_changed = false;
  const absl::Status status = answer.ok() ? rules_.TakeTargets(*answer, &rules_changed) : answer.status();
  if (!status.ok()) {
    rules_.GiveBack();
    return Failed("sampling targets", status);
  }
  failing_ = false;
  if (rules_changed) rules_due_ = clock_.Monotonic();
}

void SamplingSchedule::Failed(std::string_view what, const absl::Status& status) {
  if (absl::IsCancelled(status)) return;  // the program ends
  failures_.fetch_add(1, std::memory_order_relaxed);
  if (failing_) return;  // once an outage
  failing_ = true;
  core::Log(core::Severity::kWarning, "the X-Ray daemon gives no answer about sampling: local rules decide",
            {{"asked_for", what}, {"error", core::ToStd(status.message())}});
}

SamplingPoller::SamplingPoller(CentralRules* rules, const HostPort& daemon)
    : base_url_(absl::StrCat("http://", daemon.ToString())),
      schedule_(rules, core::RandomHex(12), &core::Clock::Real(), core::RandomFraction),
      client_(std::make_unique<http_client::Client>(ClientOptions())),
      thread_([this] { Run(); }) {}

SamplingPoller::~SamplingPoller() {
  {
    core::MutexLock lock(mutex_);
    stopping_ = true;
    wake_.NotifyAll();
  }
  thread_.join();
}

void SamplingPoller::Run() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  for (;;) {
    const absl::Duration wait =
        schedule_.Turn([this](const std::string& path, const std::string& body) { return Post(path, body); });
    core::MutexLock lock(mutex_);
    if (!stopping_) wake_.WaitFor(lock, absl::ToChronoNanoseconds(wait));
    if (stopping_) return;
  }
}

absl::StatusOr<std::string> SamplingPoller::Post(const std::string& path, const std::string& body) {
  std::optional<absl::StatusOr<http_client::Response>> reply;
  const http_client::Client::Cancel cancel = client_->Send(
      {.method = "POST", .url = base_url_ + path, .headers = {{"content-type", "application/json"}}, .body = body},
      [this, &reply](absl::StatusOr<http_client::Response> result) {
        core::MutexLock lock(mutex_);
        reply = std::move(result);
        wake_.NotifyAll();
      });
  bool cancelled = false;
  {
    core::MutexLock lock(mutex_);
    while (!reply) {
      if (stopping_ && !cancelled) {
        cancelled = true;
        cancel();
      }
      if (!reply) wake_.Wait(lock);
    }
  }
  if (!reply->ok()) return reply->status();
  if ((*reply)->status != 200) return absl::UnavailableError(absl::StrCat(path, ": HTTP ", (*reply)->status));
  return std::move((*reply)->body);
}

}  // namespace stratus::telemetry
