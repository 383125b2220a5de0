#include "services/provisioning/service/application.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "lib/core/log.h"
#include "lib/core/random.h"
#include "lib/core/status.h"
#include "lib/http_client/client_metrics.h"
#include "lib/http_client/http_client.h"
#include "services/provisioning/service/api/api.h"
#include "services/provisioning/service/api/openapi_overlay.h"
#include "services/provisioning/service/audit_log.h"
#include "services/provisioning/service/runtime/private_file.h"
#include "services/provisioning/service/runtime/runtime_metrics.h"
#include "services/provisioning/service/runtime/scheduler.h"

namespace stratus::provisioning {
namespace {

http_client::Options FinderClientOptions() {
  http_client::Options options;
  options.default_timeout = absl::Seconds(20);
  options.response_bytes_max = 16 << 20;
  options.user_agent = "stratus-provisioning";
  return options;
}

// States are larger than what a finder reads.
http_client::Options StateClientOptions() {
  http_client::Options options;
  options.default_timeout = absl::Seconds(20);
  options.response_bytes_max = 64 << 20;
  options.user_agent = "stratus-provisioning";
  return options;
}

// One process a replica and data folder: a second one would take the first one's runs for its own.
class FolderLock {
 public:
  static absl::StatusOr<std::unique_ptr<FolderLock>> Take(const std::string& data_dir, const std::string& replica) {
    const std::string path = absl::StrCat(data_dir, "/replica-", replica, ".lock");
    auto lock = absl::WrapUnique(new FolderLock(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)));
    if (lock->fd_ < 0) return absl::UnavailableError(absl::StrCat("cannot open ", path, ": ", strerror(errno)));
    if (flock(lock->fd_, LOCK_EX | LOCK_NB) != 0) {
      return absl::FailedPreconditionError(
          absl::StrCat("another process is replica `", replica, "` of ", data_dir,
                       ": stop it, or give this one a name of its own by --replica, or a folder by --data-dir"));
    }
    return lock;
  }
  ~FolderLock() {
    if (fd_ >= 0) close(fd_);
  }

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  const int fd_;
};

void TellIsolation(const engine::Isolation& isolation) {
  const std::string tier(engine::TierName(isolation.tier));
  if (isolation.tier == engine::Tier::kOff) {
    core::Log(core::Severity::kWarning,
              "runs are not isolated: the code of any module can read and do what this program can, its keys and "
              "every tenant's states included",
              {{"isolation", tier}, {"reason", isolation.shortfall.empty() ? "asked for" : isolation.shortfall}});
  } else if (!isolation.shortfall.empty()) {
    core::Log(core::Severity::kWarning, "runs are isolated less than they could be",
              {{"isolation", tier}, {"reason", isolation.shortfall}});
  } else {
    core::Log(core::Severity::kInfo, "runs are isolated", {{"isolation", tier}});
  }
}

}  // namespace

// Members are declared in the order they are needed, and Stop ends them against it.
class Application::Impl {
 public:
  explicit Impl(ServiceOptions options)
      : options_(std::move(options)), client_(FinderClientOptions()), state_client_(StateClientOptions()) {}
  ~Impl() { Stop(absl::ZeroDuration()); }

  absl::Status Start() {
    for (absl::Status (Impl::*step)() :
         {&Impl::OpenFolder, &Impl::OpenSealer, &Impl::OpenStore, &Impl::OpenEngine, &Impl::OpenEgress,
          &Impl::OpenRemoteState, &Impl::OpenBackend, &Impl::StartApi, &Impl::StartScheduler}) {
      if (absl::Status status = (this->*step)(); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  void AddTo(rpc::ServerOptions* server) { api_->AddTo(server); }

  void WriteMetrics(telemetry::Snapshot& out) const {
    service::WriteRuntimeMetrics(counters_, scheduler_->stats(), keeper_->stats(), out);
    api_->WriteMetrics(out);
    const store::Store::Connections connections = store_->connections();
    out.Gauge("stratus_provisioning_store_connections_in_use", "Connections to the store on loan.", connections.in_use);
    out.Gauge("stratus_provisioning_store_waiting", "Threads that wait for a connection to the store.",
              connections.waiting);
    for (const engine::Tier tier : {engine::Tier::kStrict, engine::Tier::kBasic, engine::Tier::kOff}) {
      out.Gauge("stratus_provisioning_isolation_tier", "1 for how runs are kept from everything else here.",
                tier == engine_->isolation().tier ? 1 : 0, {{"tier", std::string(engine::TierName(tier))}});
    }
    http_client::WriteMetrics("finder", client_.stats(), out);
    http_client::WriteMetrics("state", state_client_.stats(), out);
  }

  std::string Isolation() const {
    const engine::Isolation& isolation = engine_->isolation();
    const std::string tier(engine::TierName(isolation.tier));
    return isolation.shortfall.empty() ? tier : absl::StrCat(tier, ": ", isolation.shortfall);
  }

  std::string OpenApiOverlay() const { return service::OpenApiOverlay(catalog_->modules()); }

  absl::Status Ready() const {
    const absl::Duration since = scheduler_->stats().since_heartbeat;
    if (since < options_.runtime.lease_ttl) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat("the store has not answered for ", absl::FormatDuration(since)));
  }

  void Drain() {
    if (scheduler_ != nullptr) scheduler_->Drain();
    if (api_ != nullptr) api_->Drain();
  }

  void Stop(absl::Duration grace) {
    if (std::exchange(stopped_, true)) return;
    if (scheduler_ != nullptr) scheduler_->Stop(options_.stop_runs, grace);
    if (api_ != nullptr) api_->Stop();
    if (backend_ != nullptr) backend_->Stop();
  }

 private:
  absl::Status OpenFolder() {
    const std::string& folder = options_.runtime.data_dir;
    if (absl::Status status = service::EnsurePrivateFolder(folder); !status.ok()) return status;
    auto lock = FolderLock::Take(folder, options_.store.replica);
    if (!lock.ok()) return lock.status();
    lock_ = *std::move(lock);
    absl::StatusOr<std::string> id =
        service::ReadOrCreatePrivateFile(folder + "/id", [] { return core::RandomHex(16); });
    if (!id.ok()) return id.status();
    options_.runtime.data_dir_id = *std::move(id);
    return absl::OkStatus();
  }

  absl::Status OpenSealer() {
    if (!options_.key_file.empty()) {
      if (options_.development && access(options_.key_file.c_str(), F_OK) != 0) {
        if (absl::Status status = store::CreateKeyFile(options_.key_file); !status.ok()) return status;
      }
      auto keys = store::KeysFromFile(options_.key_file);
      if (!keys.ok()) return keys.status();
      keys_ = *std::move(keys);
    }
    if (options_.key_command) {
      auto keys = KeysByCommand(*options_.key_command, std::move(keys_));
      if (!keys.ok()) return keys.status();
      keys_ = *std::move(keys);
    }
    sealer_ = std::make_unique<store::Sealer>(keys_.get());
    return absl::OkStatus();
  }

  absl::Status OpenStore() {
    auto store = store::Store::Open(options_.store);
    if (!store.ok()) return store.status();
    store_ = *std::move(store);
    auto audit = service::AuditLog::Open(store_.get(), options_.audit_file, &core::Clock::Real());
    if (!audit.ok()) return audit.status();
    audit_ = *std::move(audit);
    auto credentials = service::Credentials::Load(options_.credentials);
    if (!credentials.ok()) return credentials.status();
    credentials_ = *std::move(credentials);
    return absl::OkStatus();
  }

  absl::Status OpenEngine() {
    auto catalog = engine::Catalog::Load(options_.catalog);
    if (!catalog.ok()) return catalog.status();
    catalog_ = *std::move(catalog);
    auto engine = engine::Engine::Create(options_.engine);
    if (!engine.ok()) return engine.status();
    engine_ = *std::move(engine);
    TellIsolation(engine_->isolation());
    if (options_.finders_dir.empty()) return absl::OkStatus();
    auto finder = engine::Finder::Load(options_.finders_dir, &client_);
    if (!finder.ok()) return finder.status();
    finder_ = *std::move(finder);
    return absl::OkStatus();
  }

  absl::Status OpenRemoteState() {
    if (!options_.remote_state) return absl::OkStatus();
    remote_state::Options options = *options_.remote_state;
    if (const auto& own = credentials_->state(); !own.empty()) {
      const auto get = [&](std::string_view name) { return own.count(name) > 0 ? own.find(name)->second : ""; };
      options.credentials = {get("AWS_ACCESS_KEY_ID"), get("AWS_SECRET_ACCESS_KEY"), get("AWS_SESSION_TOKEN")};
    }
    if (options.credentials.key_id.empty() != options.credentials.secret.empty()) {
      return absl::FailedPreconditionError(
          "half of what opens the bucket of the states is missing: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go "
          "together");
    }
    remote_state_ = std::make_unique<remote_state::RemoteState>(&state_client_, options);
    mirror_ = std::make_unique<service::StateMirror>(store_.get(), remote_state_.get());
    const absl::Status usable = remote_state_->Check();
    if (!absl::IsUnavailable(usable)) return usable;
    core::Log(core::Severity::kWarning, "the bucket of the states cannot be reached: runs wait until it can",
              {{"reason", core::ToStd(usable.message())}});
    return absl::OkStatus();
  }

  // What runs may reach, and the programs by which they reach it.
  absl::Status OpenEgress() {
    auto rules = service::EgressRules::Load(options_.egress);
    if (!rules.ok()) return rules.status();
    egress_rules_ = *std::move(rules);
    if (engine_->isolation().tier != engine::Tier::kStrict) return absl::OkStatus();
    if (!options_.runtime.relay.empty() && !options_.runtime.egress.empty()) return absl::OkStatus();
    return absl::NotFoundError(
        "cannot find stratus-relay and stratus-egress: they are built, and installed, beside this program");
  }

  // With doors alone there is no need of a port, unless runs are under way that were begun with one.
  bool NeedsStatePort() const {
    if (engine_->isolation().tier != engine::Tier::kStrict) return true;
    const std::vector<std::string> runs = engine_->Folders();
    return std::any_of(runs.begin(), runs.end(), [this](const std::string& run) { return !engine_->HasDoors(run); });
  }

  absl::Status OpenBackend() {
    keeper_ = std::make_unique<service::StateKeeper>(store_.get(), sealer_.get(), mirror_.get());
    auto secrets = service::StateCredentials::Load(options_.runtime.data_dir);
    if (!secrets.ok()) return secrets.status();
    auto backend = service::StateBackend::Start(
        {.data_dir = options_.runtime.data_dir, .replica = options_.store.replica, .port = NeedsStatePort()},
        keeper_.get(), *std::move(secrets));
    if (!backend.ok()) return backend.status();
    backend_ = *std::move(backend);
    return absl::OkStatus();
  }

  absl::Status StartApi() {
    service::ApiParts parts;
    parts.store = store_.get();
    parts.sealer = sealer_.get();
    parts.audit = audit_.get();
    parts.modules = &catalog_->modules();
    parts.credentials = credentials_.get();
    parts.settings = options_.api;
    parts.state_made = [this](std::string_view stack_uid) { keeper_->Publish(stack_uid); };
    auto api = service::Api::Create(parts);
    if (!api.ok()) return api.status();
    api_ = *std::move(api);
    return absl::OkStatus();
  }

  absl::Status StartScheduler() {
    parts_ = {.store = store_.get(),
              .sealer = sealer_.get(),
              .engine = engine_.get(),
              .catalog = catalog_.get(),
              .finder = finder_.get(),
              .credentials = credentials_.get(),
              .keeper = keeper_.get(),
              .backend = backend_.get(),
              .egress = &egress_rules_,
              .audit = audit_.get(),
              .counters = &counters_,
              .tracer = options_.tracer,
              .options = options_.runtime};
    auto scheduler = service::Scheduler::Start(&parts_);
    if (!scheduler.ok()) return scheduler.status();
    scheduler_ = *std::move(scheduler);
    return absl::OkStatus();
  }

  ServiceOptions options_;
  bool stopped_ = false;
  http_client::Client client_;
  http_client::Client state_client_;
  std::unique_ptr<FolderLock> lock_;
  std::unique_ptr<store::KeyWrapper> keys_;
  std::unique_ptr<store::Sealer> sealer_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<service::AuditLog> audit_;
  std::unique_ptr<service::Credentials> credentials_;
  std::unique_ptr<engine::Catalog> catalog_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<engine::Finder> finder_;
  service::EgressRules egress_rules_;
  std::unique_ptr<remote_state::RemoteState> remote_state_;
  std::unique_ptr<service::StateMirror> mirror_;
  std::unique_ptr<service::StateKeeper> keeper_;
  std::unique_ptr<service::StateBackend> backend_;
  service::RuntimeCounters counters_;
  service::RuntimeParts parts_;
  std::unique_ptr<service::Api> api_;
  std::unique_ptr<service::Scheduler> scheduler_;
};

absl::StatusOr<std::unique_ptr<Application>> Application::Start(ServiceOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  if (absl::Status status = impl->Start(); !status.ok()) return status;
  return absl::WrapUnique(new Application(std::move(impl)));
}

Application::Application(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Application::~Application() = default;

void Application::AddTo(rpc::ServerOptions* server) { impl_->AddTo(server); }
void Application::WriteMetrics(telemetry::Snapshot& out) const { impl_->WriteMetrics(out); }
std::string Application::OpenApiOverlay() const { return impl_->OpenApiOverlay(); }
absl::Status Application::Ready() const { return impl_->Ready(); }
std::string Application::Isolation() const { return impl_->Isolation(); }
void Application::Drain() { impl_->Drain(); }
void Application::Stop(absl::Duration grace) { impl_->Stop(grace); }

}  // namespace stratus::provisioning
