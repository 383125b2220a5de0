#include "services/sandbox/sandbox.h"

#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/log.h"
#include "services/sandbox/admin.h"
#include "services/sandbox/digitalocean/admin.h"
#include "services/sandbox/digitalocean/api.h"
#include "services/sandbox/faults.h"
#include "services/sandbox/issuer.h"
#include "services/sandbox/json.h"
#include "services/sandbox/openmeteo.h"
#include "services/sandbox/openweather.h"
#include "services/sandbox/router.h"
#include "services/sandbox/token_endpoint.h"
#include "services/sandbox/xray/daemon.h"
#include "services/sandbox/xray/otlp_endpoint.h"
#include "services/sandbox/xray/traces_page.h"

namespace stratus::sandbox {
namespace {

// Creates at DigitalOcean hold a thread while they last, and many run at once.
constexpr int kThreads = 32;

// A request with spans may be as large as X-Ray takes it.
constexpr size_t kBodyBytesMax = 6 << 20;

std::string IssuerErrorBody(int status) {
  return ToText({{"error", status >= 500 ? "server_error" : "invalid_request"}});
}

http_server::Response JsonText(std::string body) {
  http_server::Response response = JsonReply(200, Json());
  response.body = std::move(body);
  return response;
}

}  // namespace

class Sandbox::Services {
 public:
  explicit Services(Options options)
      : options_(std::move(options)),
        openweather_(options_.openweather_api_key, options_.clock),
        openmeteo_(options_.clock),
        digitalocean_(options_.digitalocean_token, options_.clock, &faults_) {}

  // Once the address is known. Until then requests are put off.
  absl::Status Open(const std::string& bound) {
    base_url_ = options_.public_url.empty() ? absl::StrCat("http://", bound) : options_.public_url;
    while (base_url_.ends_with('/')) base_url_.pop_back();
    if (options_.issues_tokens) {
      if (absl::Status status = MakeIssuer(); !status.ok()) return status;
    }
    auto xray = xray::Daemon::Start(options_.xray_listen, options_.clock, &faults_);
    if (!xray.ok()) return xray.status();
    xray_ = *std::move(xray);
    otlp_ = std::make_unique<xray::OtlpEndpoint>(options_.clock, &xray_->store());
    AddRoutes();
    open_.store(true, std::memory_order_release);
    return absl::OkStatus();
  }

  void Stop() { digitalocean_.Stop(); }

  http_server::Response Answer(const http_server::Request& request) const {
    if (open_.load(std::memory_order_acquire)) return router_.Answer(request);
    return JsonReply(503, {{"message", "the sandbox is starting"}});
  }

  const Options& options() const { return options_; }
  const std::string& base_url() const { return base_url_; }
  const std::string& issuer_url() const { return issuer_url_; }
  const std::string& xray_address() const { return xray_->address(); }

 private:
  absl::Status MakeIssuer() {
    auto issuer =
        Issuer::Create(absl::StrCat(base_url_, "/", options_.pool_id), base_url_ + "/oauth2/token", options_.clock);
    if (!issuer.ok()) return issuer.status();
    issuer_ = *std::move(issuer);
    issuer_url_ = issuer_->url();
    return issuer_->Register({options_.client_id, options_.client_secret, EveryScope()});
  }

  void AddIssuerRoutes() {
    faults_.AddTarget("token", IssuerErrorBody);
    faults_.AddTarget("jwks", IssuerErrorBody);
    const std::string well_known = absl::StrCat("/", options_.pool_id, "/.well-known");
    router_.Add("POST", "/oauth2/token", "token",
                [this](const http_server::Request& request) { return AnswerTokenRequest(*issuer_, request); });
    router_.Add("GET", well_known + "/jwks.json", "jwks",
                [this](const http_server::Request&) { return JsonText(issuer_->Jwks()); });
    router_.Add("GET", well_known + "/openid-configuration", "jwks",
                [this](const http_server::Request&) { return JsonText(issuer_->Discovery()); });
    AddIssuerAdminRoutes(&router_, issuer_.get());
  }

  void AddRoutes() {
    if (issuer_ != nullptr) AddIssuerRoutes();
    faults_.AddTarget("openweather", OpenWeather::ErrorBody);
    faults_.AddTarget("openmeteo", OpenMeteo::ErrorBody);
    faults_.AddTarget("geocoding", OpenMeteo::ErrorBody);
    faults_.AddTarget("otlp", xray::OtlpEndpoint::ErrorBody);
    router_.Add("GET", "/health", "", [](const http_server::Request&) { return JsonReply(200, {{"status", "ok"}}); });
    openweather_.AddRoutes(&router_);
    openmeteo_.AddRoutes(&router_);
    digitalocean_.AddRoutes(&router_);
    AddAdminRoutes(&router_, &faults_);
    digitalocean::AddAdminRoutes(&router_, &digitalocean_);
    xray::AddTraceRoutes(&router_, xray_.get());
    otlp_->AddRoutes(&router_);
  }

  const Options options_;
  std::string base_url_;
  std::string issuer_url_;
  Faults faults_;
  std::unique_ptr<Issuer> issuer_;
  OpenWeather openweather_;
  OpenMeteo openmeteo_;
  digitalocean::Api digitalocean_;
  std::unique_ptr<xray::Daemon> xray_;
  std::unique_ptr<xray::OtlpEndpoint> otlp_;
  Router router_{&faults_};
  std::atomic<bool> open_ = false;
};

absl::StatusOr<std::unique_ptr<Sandbox>> Sandbox::Start(Options options) {
  if (options.profile != "development") {
    return absl::FailedPreconditionError(
        absl::StrCat("the sandbox cannot be used when the profile is ", options.profile,
                     ": anyone who reaches it can have any token. Set COGNITO_USER_POOL_ID (or COGNITO_ISSUER) to a "
                     "real issuer, or --profile=development (STRATUS_PROFILE)"));
  }
  const core::Address listen = options.listen;
  auto services = std::make_unique<Services>(std::move(options));
  auto server = http_server::Server::Start(
      listen, [answering = services.get()](const http_server::Request& request) { return answering->Answer(request); },
      {.threads = kThreads, .body_bytes_max = kBodyBytesMax});
  if (!server.ok()) return server.status();
  std::unique_ptr<Sandbox> sandbox(new Sandbox(std::move(services)));
  sandbox->server_ = *std::move(server);
  const absl::Status opened = sandbox->services_->Open(sandbox->server_->address());
  if (!opened.ok()) return opened;
  if (sandbox->issuer_url().empty()) {
    core::Log(core::Severity::kWarning, "sandbox started, without an issuer: the one that is configured is used",
              {{"address", sandbox->address()}});
  } else {
    core::Log(core::Severity::kWarning,
              "sandbox started: its issuer gives a token to anyone who asks and cannot be used in production",
              {{"address", sandbox->address()}, {"issuer", sandbox->issuer_url()}});
  }
  return sandbox;
}

Sandbox::Sandbox(std::unique_ptr<Services> services) : services_(std::move(services)) {}

Sandbox::~Sandbox() {
  const std::string address = server_->address();
  services_->Stop();
  server_.reset();
  core::Log(core::Severity::kInfo, "sandbox stopped, and with it the tokens that its issuer gave",
            {{"address", address}});
}

std::string Sandbox::address() const { return server_->address(); }
const std::string& Sandbox::base_url() const { return services_->base_url(); }
const std::string& Sandbox::xray_address() const { return services_->xray_address(); }
const std::string& Sandbox::issuer_url() const { return services_->issuer_url(); }

}  // namespace stratus::sandbox
