#include "services/sandbox/router.h"

#include "services/sandbox/json.h"

namespace stratus::sandbox {

void Router::Add(std::string_view method, std::string_view path, std::string_view target, Handler handler) {
  routes_.push_back({std::string(method), std::string(path), std::string(target), std::move(handler)});
}

void Router::AddTree(std::string_view prefix, Handler handler) { trees_.emplace_back(prefix, std::move(handler)); }

http_server::Response Router::Answer(const http_server::Request& request) const {
  const std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
  std::string allowed;
  for (const Route& route : routes_) {
    if (route.path != request.path) continue;
    if (route.method == method) {
      if (route.target.empty()) return route.handler(request);
      return faults_->Answer(route.target, [&] { return route.handler(request); });
    }
    if (!allowed.empty()) allowed += ", ";
    allowed += route.method;
  }
  for (const auto& [prefix, handler] : trees_) {
    if (request.path.starts_with(prefix)) return handler(request);
  }
  if (allowed.empty()) return JsonReply(404, {{"message", "no such path in the sandbox: " + request.path}});
  http_server::Response response = JsonReply(405, {{"message", "method not allowed; allowed: " + allowed}});
  response.headers.emplace_back("allow", allowed);
  return response;
}

}  // namespace stratus::sandbox
