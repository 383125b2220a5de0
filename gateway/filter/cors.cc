#include "gateway/filter/cors.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/core/status.h"

namespace stratus::gateway::filter {
namespace {

constexpr char kDefaultAllowHeaders[] =
    "authorization, content-type, x-request-id, grpc-timeout, x-grpc-web, x-user-agent, connect-protocol-version, "
    "connect-timeout-ms, idempotency-key, prefer, "
    "traceparent, x-amzn-trace-id";
constexpr char kDefaultExposeHeaders[] = "x-request-id, location, etag, retry-after";
// Without these no script could read how a gRPC-Web call has ended.
constexpr char kGrpcExposeHeaders[] = ", grpc-status, grpc-message, grpc-status-details-bin";
constexpr int64_t kDefaultMaxAgeSeconds = 600;
constexpr int64_t kMaxAgeSecondsMax = 24 * 3600;

// scheme://host[:port], without a path: what browsers send as Origin.
bool IsOrigin(const std::string& text) {
  const size_t scheme = text.find("://");
  if (scheme == std::string::npos || scheme == 0 || scheme + 3 == text.size()) return false;
  return text.find_first_of("/?#*, ", scheme + 3) == std::string::npos;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Cors>> Cors::Create(const stratus::config::v1::Cors& config) {
  std::shared_ptr<Cors> cors(new Cors);
  for (const std::string& origin : config.allow_origins()) {
    if (origin == "*") {
      if (config.allow_origins_size() > 1) return core::InvalidField("cors.allow_origins", "`*` must stand alone");
      if (config.allow_credentials()) {
        return core::InvalidField("cors.allow_credentials", "is not possible together with the origin `*`");
      }
      cors->any_origin_ = true;
    } else if (origin != "null" && !IsOrigin(origin)) {
      return core::InvalidField("cors.allow_origins",
                                absl::StrCat("`", origin, "` is no origin such as https://app.example.com"));
    }
    cors->origins_.insert(origin);
  }
  // To browsers it is then the name of a header (the Fetch standard, 3.2.4): it would do nothing, and say nothing.
  for (const auto* names : {&config.allow_headers(), &config.expose_headers()}) {
    if (config.allow_credentials() && std::find(names->begin(), names->end(), "*") != names->end()) {
      return core::InvalidField(names == &config.allow_headers() ? "cors.allow_headers" : "cors.expose_headers",
                                "`*` means nothing together with allow_credentials: the headers have to be listed");
    }
  }
  const int64_t max_age = config.has_max_age() ? config.max_age().seconds() : kDefaultMaxAgeSeconds;
  if (max_age < 0 || max_age > kMaxAgeSecondsMax) return core::InvalidField("cors.max_age", "must be 0 to 24 h");
  cors->max_age_ = absl::StrCat(max_age);
  cors->allow_credentials_ = config.allow_credentials();
  cors->allow_headers_ = config.allow_headers().empty() ? kDefaultAllowHeaders
                                                        : absl::StrCat("authorization, content-type, ",
                                                                       absl::StrJoin(config.allow_headers(), ", "));
  cors->expose_headers_ = absl::StrCat(
      config.expose_headers().empty() ? kDefaultExposeHeaders : absl::StrJoin(config.expose_headers(), ", "),
      kGrpcExposeHeaders);
  return cors;
}

bool Cors::IsPreflight(const http::RequestHead& head) {
  return head.method == "OPTIONS" && !head.Find("origin").empty() &&
         !head.Find("access-control-request-method").empty();
}

bool Cors::Allows(std::string_view origin) const {
  if (origin.empty()) return false;
  return any_origin_ || origins_.contains(core::ToAbsl(origin));
}

}  // namespace stratus::gateway::filter
