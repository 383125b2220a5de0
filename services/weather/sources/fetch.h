// One GET to a source: a 200 comes back as its body, anything else as the error of upstream_error.h.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/core/clock.h"
#include "lib/http_client/http_client.h"

namespace stratus::weather {

// `base?name=value&...`, the values percent-encoded.
std::string UrlWithQuery(std::string_view base, const std::vector<std::pair<std::string, std::string>>& parameters);

// Degrees as sources take them: at most four decimals.
std::string DegreesText(double degrees);

// Whether an answer may be passed on, and kept, as it is: JSON, of at most 64 KiB. Else SOURCE_BAD_ANSWER or
// SOURCE_ANSWER_TOO_LARGE.
absl::Status CheckRawBody(std::string_view source, std::string_view body);

class Fetcher {
 public:
  using Done = std::function<void(absl::StatusOr<http_client::Response>)>;

  // `client` and `clock` outlive the fetcher and every request.
  Fetcher(http_client::Client* client, const core::Clock* clock, std::string source)
      : client_(client), clock_(clock), source_(std::move(source)) {}

  void Get(std::string url, absl::Time deadline, Done done) const;
  const std::string& source() const { return source_; }

 private:
  http_client::Client* const client_;
  const core::Clock* const clock_;
  const std::string source_;
};

}  // namespace stratus::weather
