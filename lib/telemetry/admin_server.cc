#include "lib/telemetry/admin_server.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "lib/core/log.h"
#include "lib/http_server/http_server.h"
#include "lib/telemetry/metrics.h"
#include "lib/telemetry/readiness.h"

namespace stratus::telemetry {
namespace {

http_server::Response Reply(int status, const char* type, std::string body) {
  http_server::Response response;
  response.status = status;
  response.headers = {{"content-type", type}, {"cache-control", "no-store"}};
  response.body = std::move(body);
  return response;
}

http_server::Response Json(int status, std::string body) {
  return Reply(status, "application/json", std::move(body) + "\n");
}

// `,"NAME":"VALUE"` of each.
std::string FactsOf(const Readiness& readiness) {
  std::string text;
  for (const auto& [name, value] : readiness.Facts()) {
    text += ",";
    core::AppendJsonString(&text, name);
    text += ":";
    core::AppendJsonString(&text, value);
  }
  return text;
}

http_server::Response Ready(const Readiness& readiness) {
  const auto failures = readiness.Failures();
  const std::string facts = FactsOf(readiness);
  if (failures.empty()) return Json(200, R"({"status":"ready")" + facts + "}");
  std::string body = R"({"status":"not ready","reasons":[)";
  for (const auto& [check, reason] : failures) {
    if (body.back() != '[') body += ",";
    body += R"({"check":)";
    core::AppendJsonString(&body, check);
    body += R"(,"reason":)";
    core::AppendJsonString(&body, reason);
    body += "}";
  }
  return Json(503, body + "]" + facts + "}");
}

struct Level {
  core::Severity severity;
  const char* name;
};
constexpr Level kLevels[] = {{core::Severity::kDebug, "DEBUG"},
                             {core::Severity::kInfo, "INFO"},
                             {core::Severity::kWarning, "WARNING"},
                             {core::Severity::kError, "ERROR"}};

const char* CurrentLevel() {
  for (const Level& level : kLevels) {
    if (core::LogEnabled(level.severity)) return level.name;
  }
  return "ERROR";
}

http_server::Response LogLevel(const http_server::Request& request) {
  const char* const before = CurrentLevel();
  if (request.method == "PUT") {
    const std::string wanted(absl::StripAsciiWhitespace(request.body));
    const auto* level = std::find_if(std::begin(kLevels), std::end(kLevels), [&](const Level& candidate) {
      return absl::EqualsIgnoreCase(candidate.name, wanted);
    });
    if (level == std::end(kLevels)) return Json(400, R"({"error":"the level is one of debug, info, warning, error"})");
    core::SetLogLevel(level->severity);
    core::Log(core::Severity::kError, "the log level was changed", {{"from", before}, {"to", level->name}});
  }
  return Json(200, std::string(R"({"level":")") + CurrentLevel() + R"("})");
}

http_server::Response Answer(const http_server::Request& request, const Metrics& metrics, const Readiness& readiness,
                             const AdminServer::Config& config) {
  const bool log_level = request.path == "/loglevel";
  const bool known = log_level || request.path == "/livez" || request.path == "/readyz" || request.path == "/metrics" ||
                     (config && request.path == "/config");
  if (!known) return Json(404, R"({"error":"not found: /livez, /readyz, /metrics, /config and /loglevel are here"})");
  if (log_level && (request.method == "GET" || request.method == "PUT")) return LogLevel(request);
  if (request.method != "GET" && request.method != "HEAD") {
    http_server::Response response = Json(405, R"({"error":"method not allowed"})");
    response.headers.emplace_back("allow", log_level ? "GET, PUT" : "GET, HEAD");
    return response;
  }
  if (request.path == "/livez") return Json(200, R"({"status":"ok"})");
  if (request.path == "/readyz") return Ready(readiness);
  if (request.path == "/config") return Json(200, config());
  return Reply(200, "text/plain; version=0.0.4; charset=utf-8", metrics.Scrape());
}

}  // namespace

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Start(const core::Address& listen, const Metrics& metrics,
                                                                const Readiness& readiness, Config config) {
  absl::StatusOr<std::unique_ptr<http_server::Server>> server = http_server::Server::Start(
      listen,
      [&metrics, &readiness, config = std::move(config)](const http_server::Request& request) {
        return Answer(request, metrics, readiness, config);
      },
      {.threads = 1, .body_bytes_max = 1024, .connections_max = 64});
  if (!server.ok()) return server.status();
  return std::unique_ptr<AdminServer>(new AdminServer(*std::move(server)));
}

AdminServer::AdminServer(std::unique_ptr<http_server::Server> server) : server_(std::move(server)) {}
AdminServer::~AdminServer() = default;

std::string AdminServer::address() const { return server_->address(); }

}  // namespace stratus::telemetry
