#include "services/weather/service/report_store.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/telemetry/span.h"
#include "services/weather/service/report_codec.h"

namespace stratus::weather {
namespace {

// Bumped when old bytes must not be read any more.
constexpr char kSharedKeyPrefix[] = "stratus:weather:report:1:";

int Hundredths(double degrees) { return static_cast<int>(std::lround(degrees * 100)); }

FlightCachePolicy PolicyFor(const ReportStoreOptions& options) {
  FlightCachePolicy policy = options.policy;
  if (options.ttl <= absl::ZeroDuration()) {
    policy.serve_while_refreshing = absl::ZeroDuration();
    policy.stale_max = absl::ZeroDuration();
  }
  return policy;
}

}  // namespace

Coordinates Rounded(const Coordinates& exact) {
  // By way of integers, so that -0.001 does not become -0.
  return {Hundredths(exact.latitude) / 100.0, Hundredths(exact.longitude) / 100.0};
}

ReportStore::ReportStore(ReportStoreOptions options, SourceBudget* budget, SharedCache* shared,
                         const core::Clock* clock, TimerQueue* timers)
    : options_(std::move(options)),
      budget_(budget),
      shared_(options_.ttl > absl::ZeroDuration() ? shared : nullptr),
      clock_(clock),
      cache_(PolicyFor(options_), clock, timers) {}

std::string ReportStore::Key(const Source& source, const Coordinates& where, std::string_view language) {
  return absl::StrCat(core::ToAbsl(source.name()), "|", Hundredths(where.latitude), ",", Hundredths(where.longitude),
                      "|", core::ToAbsl(language));
}

void ReportStore::Get(Source& source, const std::string& key, ReportRequest request, absl::Time deadline,
                      Cache::Done done) {
  cache_.Get(
      key, deadline,
      [this, &source, key, request = std::move(request)](absl::Time fetch_deadline, Landed landed) {
        Fetch(source, key, request, fetch_deadline, std::move(landed));
      },
      std::move(done));
}

void ReportStore::Fetch(Source& source, const std::string& key, const ReportRequest& request, absl::Time deadline,
                        Landed done) {
  if (shared_ == nullptr) return Ask(source, key, request, deadline, nullptr, std::move(done));
  const telemetry::SpanRef caller = telemetry::CurrentSpan();
  const auto span = std::make_shared<telemetry::Span>(caller.StartChild("Redis", telemetry::SpanKind::kDatabase));
  span->SetDatabase("Redis", "GET");
  shared_->Find(absl::StrCat(kSharedKeyPrefix, key), [this, &source, key, request, deadline, done = std::move(done),
                                                      caller, span](std::optional<std::string> bytes) {
    span->Annotate("cache", bytes ? "hit" : "miss");
    span->End();
    const telemetry::ScopedSpan scope(caller);
    std::optional<SourceReport> report;
    if (bytes) report = DecodeReport(*bytes);
    if (!report) return Ask(source, key, request, deadline, nullptr, done);
    Cache::Fetched fetched = Entry(*std::move(report));
    if (clock_->Now() - fetched.fetched_at < options_.ttl) return done(std::move(fetched));
    Ask(source, key, request, deadline, std::move(fetched.value), done);
  });
}

// `older`: what to fall back on when the source fails; may be null.
void ReportStore::Ask(Source& source, const std::string& key, const ReportRequest& request, absl::Time deadline,
                      std::shared_ptr<const ReportEntry> older, Landed done) {
  const auto fail = [this, older, done](absl::Status error) {
    Cache::Fetched fetched{.value = older, .ttl = options_.ttl, .error = std::move(error)};
    if (older != nullptr) fetched.fetched_at = older->report().fetched_at;
    done(std::move(fetched));
  };
  if (absl::Status spent = budget_->Take(source.name(), source.requests_per_report()); !spent.ok()) return fail(spent);
  source.FetchReport(request, deadline, [this, key, fail, done](absl::StatusOr<SourceReport> report) {
    if (!report.ok()) return fail(report.status());
    if (shared_ != nullptr) {
      shared_->Store(absl::StrCat(kSharedKeyPrefix, key), EncodeReport(*report), options_.policy.stale_max);
    }
    done(Entry(*std::move(report)));
  });
}

ReportStore::Cache::Fetched ReportStore::Entry(SourceReport report) const {
  const absl::Time fetched_at = report.fetched_at;
  return {.value = std::make_shared<const ReportEntry>(std::move(report)),
          .fetched_at = fetched_at,
          .ttl = options_.ttl,
          .error = absl::OkStatus()};
}

}  // namespace stratus::weather
