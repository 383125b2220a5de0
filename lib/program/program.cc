#include "lib/program/program.h"

#include <unistd.h>

#include <csignal>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "lib/auth/auth_metrics.h"
#include "lib/auth/environment.h"
#include "lib/auth/token_checks.h"
#include "lib/core/descriptor_limit.h"
#include "lib/core/log.h"
#include "lib/core/ready_file.h"
#include "lib/core/status.h"
#include "lib/telemetry/json_writer.h"

namespace stratus::program {
namespace {

constexpr absl::Duration kTraceFlush = absl::Seconds(2);

core::Severity SeverityOf(const std::string& level) {
  if (level == "debug") return core::Severity::kDebug;
  if (level == "warning") return core::Severity::kWarning;
  return level == "error" ? core::Severity::kError : core::Severity::kInfo;
}

std::shared_ptr<telemetry::CallLog> OpenCallLog(const Flags& flags) {
  if (flags.access_log == "off") return nullptr;
  telemetry::CallLogOptions options;
  options.fd = flags.access_log == "stderr" ? STDERR_FILENO : STDOUT_FILENO;
  options.sample_one_in = static_cast<uint64_t>(flags.access_log_sample);
  options.health_checks = flags.access_log_health;
  return std::make_shared<telemetry::CallLog>(options);
}

std::string Describe(const auth::CognitoOptions& options) {
  std::string json;
  {
    telemetry::JsonObject checks(&json);
    const auto issuers = [&options](std::string auth::IssuerOptions::*member) {
      return absl::StrJoin(options.issuers, ",", [member](std::string* out, const auth::IssuerOptions& issuer) {
        out->append(issuer.*member);
      });
    };
    checks.Text("issuer", issuers(&auth::IssuerOptions::issuer));
    checks.Text("jwks_url", issuers(&auth::IssuerOptions::jwks_url));
    checks.Text("clients", options.any_client ? "*" : absl::StrJoin(options.client_ids, ","));
    checks.Text("scope_claim", options.claims.scope);
  }
  return json;
}

}  // namespace

std::string_view Version() { return STRATUS_VERSION; }

absl::StatusOr<std::unique_ptr<Program>> Program::Start(Options options) {
  absl::StatusOr<core::Address> admin_listen = core::ParseAddress(options.flags.admin_listen);
  if (!admin_listen.ok()) return admin_listen.status();
  if (!options.environment) options.environment = auth::ProcessEnvironment();
  core::SetLogLevel(SeverityOf(options.flags.log_level));
  core::RaiseDescriptorLimit();
  return absl::WrapUnique(new Program(std::move(options), *std::move(admin_listen)));
}

Program::Program(Options options, core::Address admin_listen)
    : options_(std::move(options)),
      admin_listen_(std::move(admin_listen)),
      page_(options_.name, Version(), *options_.app),
      environment_(page_.Noting(options_.environment)),
      call_log_(OpenCallLog(options_.flags)) {
  telemetry::TracingOptions tracing = telemetry::TracingOptionsFrom(environment_);
  if (tracing.service_version.empty()) tracing.service_version = Version();
  tracing_ = telemetry::Tracing::Start(std::move(tracing));
  AddMetrics([this](telemetry::Snapshot& out) {
    out.Gauge("stratus_build_info", "1, with what runs here.", 1,
              {{"program", options_.name}, {"version", std::string(Version())}});
    tracing_->WriteMetrics(out);
    if (call_log_ != nullptr) call_log_->WriteMetrics(out);
  });
}

Program::~Program() { CloseAdmin(); }

void Program::AddMetrics(std::function<void(telemetry::Snapshot&)> source) {
  sources_.push_back(metrics_.AddSource(std::move(source)));
}

absl::StatusOr<std::shared_ptr<auth::CognitoAuthenticator>> Program::StartTokenChecks(std::string_view auth,
                                                                                      bool allow_http) {
  if (auth == "off") {
    core::Log(core::Severity::kWarning, "every call is let in: --auth=off", {{"program", options_.name}});
    return nullptr;
  }
  absl::StatusOr<auth::CognitoOptions> options = auth::OptionsFromEnvironment(environment_, allow_http);
  if (!options.ok()) return options.status();
  return StartTokenChecks(*std::move(options));
}

std::shared_ptr<auth::CognitoAuthenticator> Program::StartTokenChecks(auth::CognitoOptions options) {
  ShowConfig("auth", Describe(options));
  std::shared_ptr<auth::CognitoAuthenticator> checks = auth::StartTokenChecks(std::move(options));
  sources_.push_back(auth::Observe(checks, &metrics_, &readiness_));
  return checks;
}

absl::Status Program::Ready(std::map<std::string, std::string> addresses) {
  absl::Status status = OpenAdmin(&addresses);
  if (status.ok() && !options_.flags.ready_file.empty()) {
    status = core::WriteReadyFile(options_.flags.ready_file, addresses);
  }
  if (!status.ok()) {
    CloseAdmin();
    return status;
  }
  core::Log(core::Severity::kInfo, absl::StrCat(options_.name, " is ready"),
            {{"version", Version()}, {"addresses", absl::StrJoin(addresses, " ", absl::PairFormatter("="))}});
  return absl::OkStatus();
}

absl::Status Program::OpenAdmin(std::map<std::string, std::string>* addresses) {
  absl::StatusOr<std::unique_ptr<telemetry::AdminServer>> started =
      telemetry::AdminServer::Start(admin_listen_, metrics_, readiness_, [this] { return page_.Json(); });
  if (!started.ok()) {
    const std::string message(started.status().message());
    return core::Error(
        started.status().code(),
        absl::StrCat("the admin port: ", message, "; --admin-listen gives it another address, port 0 a free one"));
  }
  admin_ = *std::move(started);
  (*addresses)["admin"] = admin_->address();
  return absl::OkStatus();
}

void Program::AwaitEnd(core::TerminationSignal* termination, const std::function<void()>& announce) {
  const int signal = termination->Wait();
  // Who presses Ctrl-C has no balancer that must notice first.
  const absl::Duration delay =
      signal == SIGINT ? absl::ZeroDuration() : absl::Seconds(options_.flags.drain_delay_seconds);
  readiness_.SetDraining();
  if (announce) announce();
  core::Log(core::Severity::kInfo, absl::StrCat(options_.name, " drains"),
            {{"accepting_seconds", absl::ToInt64Seconds(delay)}});
  // A second signal ends the program meanwhile.
  absl::SleepFor(delay);
}

void Program::CloseAdmin() {
  admin_.reset();
  sources_.clear();
}

void Program::Flush() { tracing_->Shutdown(kTraceFlush); }

}  // namespace stratus::program
