#include "services/weather/sources/fetch.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "lib/core/status.h"
#include "services/weather/sources/json_reader.h"
#include "services/weather/sources/upstream_error.h"

namespace stratus::weather {
namespace {

// Raw answers of current weather are about 1 KB; a thousand of them are kept.
constexpr size_t kRawBytesMax = 64 << 10;

void AppendPercentEncoded(std::string_view text, std::string* out) {
  for (const unsigned char c : text) {
    // RFC 3986 unreserved characters, and the comma, which both sources use in lists.
    if (absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~' || c == ',') {
      out->push_back(static_cast<char>(c));
    } else {
      absl::StrAppendFormat(out, "%%%02X", c);
    }
  }
}

}  // namespace

std::string UrlWithQuery(std::string_view base, const std::vector<std::pair<std::string, std::string>>& parameters) {
  std::string url(base);
  char separator = '?';
  for (const auto& [name, value] : parameters) {
    url += separator;
    url += name;
    url += '=';
    AppendPercentEncoded(value, &url);
    separator = '&';
  }
  return url;
}

std::string DegreesText(double degrees) {
  std::string text = absl::StrFormat("%.4f", degrees);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

absl::Status CheckRawBody(std::string_view source, std::string_view body) {
  if (body.size() > kRawBytesMax) {
    return ErrorOfTransport(source, absl::ResourceExhaustedError("over the limit of a raw answer"));
  }
  if (!json::Document::Parse(body)) return BadAnswer(source, "it is not JSON, or cut short");
  return absl::OkStatus();
}

void Fetcher::Get(std::string url, absl::Time deadline, Done done) const {
  http_client::Request request;
  request.url = std::move(url);
  request.headers = {{"accept", "application/json"}};
  request.deadline = deadline;
  request.compressed_reply = true;
  client_->Send(std::move(request), [source = source_, clock = clock_,
                                     done = std::move(done)](absl::StatusOr<http_client::Response> response) {
    if (!response.ok()) return done(ErrorOfTransport(source, response.status()));
    if (response->status != 200) return done(ErrorOfHttpStatus(source, *response, clock->Now()));
    done(*std::move(response));
  });
}

}  // namespace stratus::weather
