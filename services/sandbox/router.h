// The sandbox's paths: who answers what.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/http_server/http_server.h"
#include "services/sandbox/faults.h"

namespace stratus::sandbox {

class Router {
 public:
  using Handler = std::function<http_server::Response(const http_server::Request&)>;

  // `faults` outlives the router.
  explicit Router(Faults* faults) : faults_(faults) {}

  // Paths are matched whole. A `target` names the service whose faults strike this path; empty: none do.
  void Add(std::string_view method, std::string_view path, std::string_view target, Handler handler);

  // Everything under `prefix` (`/v2/`), of any method, where no route matches. The handler sees to faults itself.
  void AddTree(std::string_view prefix, Handler handler);

  // 404 for an unknown path; 405 with Allow for a known one. HEAD is answered as GET is.
  http_server::Response Answer(const http_server::Request& request) const;

 private:
  struct Route {
    std::string method;
    std::string path;
    std::string target;
    Handler handler;
  };

  Faults* const faults_;
  std::vector<Route> routes_;
  std::vector<std::pair<std::string, Handler>> trees_;
};

}  // namespace stratus::sandbox
