// Where weather comes from, behind one interface.
//
// Every method is asynchronous: `done` runs exactly once, on any thread (perhaps before the method returns), and must
// not block. A source keeps nothing between calls: caching, budgets and staleness are the service's (report_store.h).
//
// Errors carry google.rpc.ErrorInfo with a reason of upstream_error.h (docs/how-to/weather-errors.md) and never a
// source's own text, an address's query or a key.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/weather/domain/model.h"

namespace stratus::weather {

struct ReportRequest {
  Coordinates where;
  std::string language;  // what LanguageFor gave
};

struct PlacesRequest {
  std::string text;
  std::string language;  // BCP 47; empty: English
};

struct RawRequest {
  Coordinates where;
  std::string units;     // `metric`, `imperial`, `standard`
  std::string language;  // what LanguageFor gave
};

// A source's own answer, byte for byte; only of a success.
struct RawReply {
  int http_status = 200;
  std::string content_type;
  std::string body;
};

class Source {
 public:
  template <typename T>
  using Done = std::function<void(absl::StatusOr<T>)>;

  virtual ~Source() = default;

  // As in Provenance.source.
  virtual std::string_view name() const = 0;
  // Upstream requests that FetchReport makes: what it costs of the source's budget.
  virtual int requests_per_report() const = 0;
  // Upstream requests that FetchPlaces makes for `request`: likewise.
  virtual int requests_per_search(const PlacesRequest&) const { return 1; }
  // The tag of the language that texts come in when `tag` is asked for.
  virtual std::string LanguageFor(std::string_view tag) const = 0;

  virtual void FetchReport(const ReportRequest& request, absl::Time deadline, Done<SourceReport> done) = 0;
  // Best match first; empty when there is none.
  virtual void FetchPlaces(const PlacesRequest& request, absl::Time deadline, Done<std::vector<PlaceInfo>> done) = 0;
  virtual void FetchRaw(const RawRequest& request, absl::Time deadline, Done<RawReply> done) = 0;
};

}  // namespace stratus::weather
