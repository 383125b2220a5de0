// Cross-origin resource sharing (the Fetch standard), by configuration.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "gateway/http/exchange.h"
#include "stratus/config/v1/gateway.pb.h"

namespace stratus::gateway::filter {

// Immutable; shared by all workers.
class Cors {
 public:
  // INVALID_ARGUMENT: an origin that is none, `*` together with credentials, a max_age out of range.
  static absl::StatusOr<std::shared_ptr<const Cors>> Create(const stratus::config::v1::Cors& config);

  static bool IsPreflight(const http::RequestHead& head);

  // Headers to add to the answer of a request from another origin, preflight or not; none when the origin is not
  // allowed. Views into this object and the request. `methods` is the Allow list of the route, for a preflight.
  template <typename List>
  void Append(const http::RequestHead& head, List* out) const {
    AppendTo(head, [out](http::Header header) { out->push_back(header); });
  }
  template <typename List>
  void AppendPreflight(const http::RequestHead& head, std::string_view methods, List* out) const {
    if (!Allows(head.Find("origin"))) {
      out->push_back({"vary", "origin"});
      return;
    }
    Append(head, out);
    out->push_back({"access-control-allow-methods", methods});
    out->push_back({"access-control-allow-headers", allow_headers_});
    out->push_back({"access-control-max-age", max_age_});
  }

  bool Allows(std::string_view origin) const;

 private:
  Cors() = default;
  template <typename Add>
  void AppendTo(const http::RequestHead& head, Add add) const {
    const std::string_view origin = head.Find("origin");
    if (!any_origin_) add({"vary", "origin"});
    if (origin.empty() || !Allows(origin)) return;
    add({"access-control-allow-origin", any_origin_ ? std::string_view("*") : origin});
    if (allow_credentials_) add({"access-control-allow-credentials", "true"});
    if (!expose_headers_.empty()) add({"access-control-expose-headers", expose_headers_});
  }

  bool any_origin_ = false;
  bool allow_credentials_ = false;
  absl::flat_hash_set<std::string> origins_;
  std::string allow_headers_;
  std::string expose_headers_;
  std::string max_age_;
};

}  // namespace stratus::gateway::filter
