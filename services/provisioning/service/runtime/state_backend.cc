#include "services/provisioning/service/runtime/state_backend.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "absl/memory/memory.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "lib/core/log.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/uid.h"
#include "services/provisioning/service/runtime/private_file.h"
#include "services/provisioning/service/runtime/state_document.h"

namespace stratus::provisioning::service {
namespace {

using http_server::Request;
using http_server::Response;

constexpr std::string_view kPrefix = "/state/";
constexpr int kThreads = 8;
constexpr size_t kLockBytesMax = 64 << 10;  // it is kept in the stack's row
constexpr size_t kListenersMax = 16;

Response Plain(int status, std::string_view text) {
  Response response;
  response.status = status;
  response.headers = {{"content-type", "text/plain; charset=utf-8"}};
  response.body = text;
  return response;
}

Response Json(int status, std::string body) {
  Response response;
  response.status = status;
  response.headers = {{"content-type", "application/json"}, {"cache-control", "no-store"}};
  response.body = std::move(body);
  return response;
}

// The engine tries again after a 5xx, and gives up and keeps its state in a file after anything else.
Response OfError(const absl::Status& status) {
  const std::string_view text = core::ToStd(status.message());
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument: return Plain(400, text);
    case absl::StatusCode::kNotFound: return Plain(404, text);
    case absl::StatusCode::kAborted: return Plain(409, text);
    case absl::StatusCode::kFailedPrecondition: return Json(423, std::string(text));
    case absl::StatusCode::kDataLoss: return Plain(422, text);  // again would be no better
    default: return Plain(503, "the state's store does not answer: try again");
  }
}

Response OfHolder(const absl::StatusOr<std::optional<std::string>>& holder) {
  if (!holder.ok()) return OfError(holder.status());
  return holder->has_value() ? Json(423, **holder) : Plain(200, "");
}

std::string LockId(std::string_view lock_info) {
  const auto parsed = nlohmann::json::parse(lock_info, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return "";
  const auto id = parsed.find("ID");
  return id != parsed.end() && id->is_string() ? id->get<std::string>() : std::string();
}

std::optional<uint16_t> ReadPort(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadPrivateFile(path);
  uint32_t port = 0;
  if (!text.ok() || !absl::SimpleAtoi(absl::StripAsciiWhitespace(*text), &port) || port == 0 || port > 65535) {
    return std::nullopt;
  }
  return static_cast<uint16_t>(port);
}

std::string PortFolder(const std::string& data_dir) { return absl::StrCat(data_dir, "/state-ports"); }

}  // namespace

StateBackend::StateBackend(Options options, StateKeeper* keeper, StateCredentials credentials)
    : options_(std::move(options)), keeper_(*keeper), credentials_(std::move(credentials)) {}

absl::StatusOr<std::unique_ptr<StateBackend>> StateBackend::Start(Options options, StateKeeper* keeper,
                                                                  StateCredentials credentials) {
  auto backend = absl::WrapUnique(new StateBackend(std::move(options), keeper, std::move(credentials)));
  if (!backend->options_.port) return backend;
  if (absl::Status status = backend->Listen(); !status.ok()) return status;
  return backend;
}

absl::StatusOr<std::unique_ptr<http_server::Server>> StateBackend::ListenAt(uint16_t port) {
  http_server::Options options;
  options.threads = kThreads;
  options.body_bytes_max = options_.state_bytes_max;
  core::Address address;
  address.host = "127.0.0.1";
  address.port = port;
  return http_server::Server::Start(
      address, [this](const Request& request) { return Answer(request); }, options);
}

absl::Status StateBackend::Listen() {
  const std::string folder = PortFolder(options_.data_dir);
  if (absl::Status status = EnsurePrivateFolder(folder); !status.ok()) return status;
  const std::string path = absl::StrCat(folder, "/", options_.replica);
  const std::optional<uint16_t> remembered = ReadPort(path);
  absl::StatusOr<std::unique_ptr<http_server::Server>> server = ListenAt(remembered.value_or(0));
  if (!server.ok() && remembered) {
    core::Log(core::Severity::kWarning, "the state backend's former port is taken: engines under way may not find it",
              {{"port", *remembered}});
    server = ListenAt(0);
  }
  if (!server.ok()) return server.status();
  address_ = (*server)->address();
  {
    core::MutexLock lock(mutex_);
    servers_.push_back(*std::move(server));
  }
  return WritePrivateFile(path, address_.substr(address_.rfind(':') + 1));
}

engine::StateBackend StateBackend::For(std::string_view run_uid) const {
  return {absl::StrCat("http://", address_, kPrefix.data(), core::ToAbsl(run_uid)), std::string(run_uid),
          credentials_.Password(run_uid)};
}

engine::StateBackend StateBackend::ForDoor(std::string_view run_uid, uint16_t port) const {
  return {absl::StrCat("http://127.0.0.1:", port, kPrefix.data(), core::ToAbsl(run_uid)), std::string(run_uid),
          credentials_.Password(run_uid)};
}

absl::StatusOr<std::unique_ptr<StateDoor>> StateBackend::OpenDoor(std::string_view run_uid, const std::string& folder) {
  const std::string own_path = absl::StrCat(kPrefix.data(), core::ToAbsl(run_uid));
  const auto budget = std::make_shared<StateBudget>(run_uid, options_.budget);
  return StateDoor::Open(folder, options_.state_bytes_max, [this, own_path, budget](const Request& request) {
    return request.path == own_path ? AnswerDoor(request, *budget)
                                    : Plain(404, "this is the door to another run's state");
  });
}

// A run that may write no more leaves its last state in its folder, where it is taken in at the run's end.
Response StateBackend::AnswerDoor(const Request& request, StateBudget& budget) {
  if (request.method == "POST" || request.method == "DELETE") {
    const absl::Status within = budget.Take(request.body.size());
    if (!within.ok()) return Plain(413, core::ToStd(within.message()));
  }
  return Answer(request);
}

void StateBackend::StandInForOthers() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(PortFolder(options_.data_dir), error)) {
    if (entry.path().filename() == options_.replica) continue;
    const std::optional<uint16_t> port = ReadPort(entry.path());
    if (!port) continue;
    core::MutexLock lock(mutex_);
    if (servers_.empty() || servers_.size() >= kListenersMax) return;
    // The port of one that lives is in use, and stays its own.
    absl::StatusOr<std::unique_ptr<http_server::Server>> server = ListenAt(*port);
    if (!server.ok()) continue;
    core::Log(core::Severity::kInfo, "stands in at the state port of a replica that is gone", {{"port", *port}});
    servers_.push_back(*std::move(server));
  }
}

void StateBackend::Stop() {
  std::vector<std::unique_ptr<http_server::Server>> ending;
  {
    core::MutexLock lock(mutex_);
    ending.swap(servers_);
  }
}

Response StateBackend::Answer(const Request& request) {
  if (request.path.compare(0, kPrefix.size(), kPrefix) != 0) return Plain(404, "no such path");
  const std::string run_uid = request.path.substr(kPrefix.size());
  if (!domain::IsUid(run_uid) || !credentials_.Allows(run_uid, request.Header("authorization"))) {
    Response response = Plain(401, "the run's own credentials are needed");
    response.headers.emplace_back("www-authenticate", "Basic realm=\"state\"");
    return response;
  }
  return AnswerAllowed(request, run_uid);
}

Response StateBackend::AnswerAllowed(const Request& request, std::string_view run_uid) {
  if (request.method == "GET") {
    absl::StatusOr<std::optional<std::string>> state = keeper_.Read(run_uid);
    if (!state.ok()) return OfError(state.status());
    return state->has_value() ? Json(200, **std::move(state)) : Plain(204, "");
  }
  const bool locks = request.method == "LOCK" || request.method == "UNLOCK";
  if (locks && request.body.size() > kLockBytesMax) return Plain(413, "a lock's description may be of 64 KiB");
  if (request.method == "LOCK") return OfHolder(keeper_.Lock(run_uid, LockId(request.body), request.body));
  if (request.method == "UNLOCK") return OfHolder(keeper_.Unlock(run_uid, LockId(request.body)));
  std::string_view text = request.body;
  absl::StatusOr<std::string> emptied;
  if (request.method == "DELETE") {
    // Versions are never removed: a deleted state is an empty one that follows.
    const absl::StatusOr<std::optional<std::string>> state = keeper_.Read(run_uid);
    if (!state.ok()) return OfError(state.status());
    if (!state->has_value()) return Plain(200, "");
    emptied = Emptied(**state);
    if (!emptied.ok()) return OfError(emptied.status());
    text = *emptied;
  } else if (request.method != "POST") {
    return Plain(405, "GET, POST, DELETE, LOCK or UNLOCK");
  }
  const absl::Status status = keeper_.Write(run_uid, request.Parameter("ID"), text);
  if (!status.ok()) {
    core::Log(core::Severity::kWarning, "a state write was refused",
              {{"run", run_uid}, {"code", core::CodeName(status.code())}});
    return OfError(status);
  }
  return Plain(200, "");
}

}  // namespace stratus::provisioning::service
