#include "services/weather/service/admin.h"

#include <utility>

namespace stratus::weather {
namespace {

http_server::Response Answer(int status, const char* content_type, std::string body) {
  return {.status = status, .headers = {{"content-type", content_type}}, .body = std::move(body)};
}

http_server::Response Json(int status, std::string body) { return Answer(status, "application/json", std::move(body)); }

}  // namespace

http_server::Handler AdminHandler(AdminHooks hooks) {
  return [hooks = std::move(hooks)](const http_server::Request& request) {
    const bool reads = request.method == "GET" || request.method == "HEAD";
    if (!reads) return Json(405, R"({"error":"only GET is answered here"})");
    if (request.path == "/livez" || request.path == "/health") return Json(200, R"({"status":"ok"})");
    if (request.path == "/readyz") {
      return hooks.ready() ? Json(200, R"({"status":"ok"})") : Json(503, R"({"status":"not ready"})");
    }
    if (request.path == "/metrics") return Answer(200, "text/plain; version=0.0.4", hooks.metrics());
    return Json(404, R"({"error":"paths here: /livez, /readyz, /health, /metrics"})");
  };
}

}  // namespace stratus::weather
