// JSON in and out. For .cc files alone: the library's header is heavy.
#pragma once

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "lib/http_server/http_server.h"

namespace stratus::sandbox {

// Members stay in the order in which they are set, as in the replies of the services that the sandbox stands in for.
using Json = nlohmann::ordered_json;

inline std::string ToText(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

inline http_server::Response JsonReply(int status, const Json& json) {
  http_server::Response response;
  response.status = status;
  response.headers = {{"content-type", "application/json; charset=utf-8"}};
  response.body = ToText(json);
  return response;
}

// To so many decimals, and never -0.
inline double Round(double value, int decimals) {
  const double scale = std::pow(10.0, decimals);
  return std::round(value * scale) / scale + 0.0;
}

}  // namespace stratus::sandbox
